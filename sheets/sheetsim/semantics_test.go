package sheetsim_test

import (
	"encoding/json"
	"strings"
	"testing"

	"google.golang.org/api/sheets/v4"

	"rowsmith/sheets/sheetsim"
)

func (f *fixture) load(text string) *fixture {
	f.t.Helper()
	id, err := f.srv.Load(f.t.Context(), text)
	if err != nil {
		f.t.Fatal(err)
	}
	f.id = id
	return f
}

// ok sends one raw request that must be answered 200 and returns the body without indentation.
func (f *fixture) ok(method, path, body string) string {
	f.t.Helper()
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	status, out := f.exchange(method, path+sep+"prettyPrint=false", body)
	if status != 200 {
		f.t.Fatalf("%s %s: %d %s", method, path, status, out)
	}
	return strings.ReplaceAll(out, f.id, "ID")
}

func (f *fixture) dump() string {
	f.t.Helper()
	out, err := f.srv.Dump(f.t.Context(), f.id)
	if err != nil {
		f.t.Fatal(err)
	}
	return out
}

// TestAppendFindsTheTable plays the examples of the API's guide: two tables, A1:C2 and B4:D6.
func TestAppendFindsTheTable(t *testing.T) {
	const two = "-- Sheet1 rows=20 cols=8 --\nx\ty\tz\nx\ty\tz\n\n\tx\ty\n\t\ty\tz\n\tx\ty\tz\n"
	for _, tc := range []struct{ rng, table, updated string }{
		{"Sheet1", "Sheet1!B4:D6", "Sheet1!B7:C7"},
		{"Sheet1!C5:D5", "Sheet1!B4:D6", "Sheet1!B7:C7"},
		{"Sheet1!A1:D4", "Sheet1!B4:D6", "Sheet1!B7:C7"},
		{"Sheet1!A3:G10", "Sheet1!B4:D6", "Sheet1!B7:C7"},
		{"Sheet1!B1:B2", "Sheet1!A1:C2", "Sheet1!A3:B3"},
		{"Sheet1!G10", "", "Sheet1!G10:H10"},
	} {
		f := start(t).load(two)
		got, err := f.api.Spreadsheets.Values.Append(f.id, tc.rng, &sheets.ValueRange{Values: [][]any{row("new", 1)}}).ValueInputOption("RAW").Do()
		if err != nil {
			t.Fatalf("%s: %v", tc.rng, err)
		}
		if got.TableRange != tc.table || got.Updates.UpdatedRange != tc.updated || got.Updates.UpdatedCells != 2 {
			t.Errorf("%s: table %q, updated %+v; want %q, %q", tc.rng, got.TableRange, got.Updates, tc.table, tc.updated)
		}
	}
	f := start(t).load("-- Sheet1 --\na\tb\nc\td\n\nbelow\n")
	if _, err := f.api.Spreadsheets.Values.Append(f.id, "Sheet1!A1:B2", &sheets.ValueRange{Values: [][]any{row("e"), row("f")}}).ValueInputOption("RAW").InsertDataOption("INSERT_ROWS").Do(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.api.Spreadsheets.Values.Append(f.id, "Sheet1!A7", &sheets.ValueRange{}).ValueInputOption("RAW").Do(); err == nil {
		t.Error("appending beyond the grid was taken")
	}
	if _, err := f.api.Spreadsheets.Values.Append(f.id, "Sheet1!A6", &sheets.ValueRange{Values: [][]any{row("g", "h", "i")}}).ValueInputOption("RAW").Do(); err != nil {
		t.Fatal(err)
	}
	same(t, "the grid grew", f.dump(), "title: Untitled spreadsheet\n-- Sheet1 --\na\tb\nc\td\ne\nf\n\nbelow\ng\th\ti\n")
}

func TestRenderOptions(t *testing.T) {
	f := start(t, func(c *sheetsim.Config) {
		c.Evaluate = func(s string) any {
			switch s {
			case "=SLOW()":
				return sheetsim.CellError{Type: "LOADING"}
			case "=1+1":
				return 2.0
			}
			return nil
		}
	}).sheet(10, 10)
	in := `{"values":[["50%","2024-02-29","007","'007","=1+1","=SLOW()","=NOPE()","TRUE","$1,200.50","=HYPERLINK(\"https://x\",\"X\")"]]}`
	got := f.ok("PUT", "/v4/spreadsheets/ID/values/Sheet1!A1?valueInputOption=USER_ENTERED&includeValuesInResponse=true&responseValueRenderOption=UNFORMATTED_VALUE", in)
	same(t, "answer", got, `{"spreadsheetId":"ID","updatedCells":10,"updatedColumns":10,"updatedData":{"majorDimension":"ROWS","range":"Sheet1!A1:J1","values":[[0.5,45351,7,"007",2,"Loading...","#NAME?",true,1200.5,"X"]]},"updatedRange":"Sheet1!A1:J1","updatedRows":1}`)
	for option, want := range map[string]string{
		"FORMATTED_VALUE":   `[["50%","2024-02-29","7","007","2","Loading...","#NAME?","TRUE","$1,200.50","X"]]`,
		"UNFORMATTED_VALUE": `[[0.5,45351,7,"007",2,"Loading...","#NAME?",true,1200.5,"X"]]`,
		"FORMULA":           `[[0.5,45351,7,"007","=1+1","=SLOW()","=NOPE()",true,1200.5,"=HYPERLINK(\"https://x\",\"X\")"]]`,
		"UNFORMATTED_VALUE&dateTimeRenderOption=FORMATTED_STRING": `[[0.5,"2024-02-29",7,"007",2,"Loading...","#NAME?",true,1200.5,"X"]]`,
	} {
		if got := f.ok("GET", "/v4/spreadsheets/ID/values/Sheet1?valueRenderOption="+option, ""); !strings.HasSuffix(got, `"values":`+want+"}") {
			t.Errorf("%s: %s", option, got)
		}
	}
	f.put("Sheet1!A2", row("=1+1", "007", "TRUE"))
	same(t, "RAW", f.ok("GET", "/v4/spreadsheets/ID/values/2:2?valueRenderOption=FORMULA", ""), `{"majorDimension":"ROWS","range":"Sheet1!A2:J2","values":[["=1+1","007","TRUE"]]}`)
	same(t, "cells", f.ok("GET", "/v4/spreadsheets/ID?ranges=Sheet1!E1:F2&fields=sheets.data.rowData.values(userEnteredValue,effectiveValue)", ""),
		`{"sheets":[{"data":[{"rowData":[{"values":[{"userEnteredValue":{"formulaValue":"=1+1"},"effectiveValue":{"numberValue":2}},{"userEnteredValue":{"formulaValue":"=SLOW()"},"effectiveValue":{"errorValue":{"type":"LOADING"}}}]}]}]}]}`)
	same(t, "columns", f.ok("GET", "/v4/spreadsheets/ID/values/A1:C3?majorDimension=COLUMNS&valueRenderOption=UNFORMATTED_VALUE", ""),
		`{"majorDimension":"COLUMNS","range":"Sheet1!A1:C3","values":[[0.5,"=1+1"],[45351,"007"],[7,"TRUE"]]}`)
}

func TestGetTakesMasksAndRanges(t *testing.T) {
	f := start(t).load(leads)
	for _, tc := range []struct{ query, want string }{
		{"fields=spreadsheetId", `{"spreadsheetId":"ID"}`},
		{"fields=sheets(properties(sheetId,title,gridProperties/frozenRowCount))", `{"sheets":[{"properties":{"gridProperties":{"frozenRowCount":1},"sheetId":0,"title":"Sheet1"}},{"properties":{"gridProperties":{},"sheetId":7,"title":"My tab"}}]}`},
		{"ranges='My tab'!A1&fields=sheets.properties.title", `{"sheets":[{"properties":{"title":"My tab"}}]}`},
		{"ranges=Sheet1!B2&fields=sheets.data.rowData.values.note", `{"sheets":[{"data":[{"rowData":[{"values":[{"note":"found\tby hand"}]}]}]}]}`},
		{"ranges=Sheet1!A3:C5&fields=sheets.data(startRow,rowData.values.formattedValue,rowMetadata.hiddenByUser)", `{"sheets":[{"data":[{"rowData":[{},{"values":[{"formattedValue":"12"},{"formattedValue":"TRUE"},{"formattedValue":"007"}]}],"rowMetadata":[{},{"hiddenByUser":true},{}],"startRow":2}]}]}`},
		{"ranges=Sheet1!A1:C1&fields=sheets.data.columnMetadata", `{"sheets":[{"data":[{"columnMetadata":[{"pixelSize":100},{"developerMetadata":[{"location":{"dimensionRange":{"dimension":"COLUMNS","endIndex":2,"sheetId":0,"startIndex":1},"locationType":"COLUMN"},"metadataId":1,"metadataKey":"rowsmith","metadataValue":"email","visibility":"DOCUMENT"}],"pixelSize":200},{"pixelSize":100}]}]}]}`},
		{"fields=developerMetadata(metadataKey,location)", `{"developerMetadata":[{"location":{"locationType":"SPREADSHEET","spreadsheet":true},"metadataKey":"nonce"}]}`},
		{"ranges=Sheet1!C2&includeGridData=true&excludeTablesInBandedRanges=true&fields=sheets.data.rowData.values.userEnteredFormat.numberFormat.type", `{"sheets":[{"data":[{"rowData":[{"values":[{"userEnteredFormat":{"numberFormat":{"type":"NUMBER"}}}]}]}]}]}`},
	} {
		if got := f.ok("GET", "/v4/spreadsheets/ID?"+strings.ReplaceAll(tc.query, " ", "%20"), ""); got != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", tc.query, got, tc.want)
		}
	}
	if got := f.ok("GET", "/v4/spreadsheets/ID", ""); strings.Contains(got, "rowData") {
		t.Errorf("grid data without being asked: %s", got)
	}
	if got := f.ok("GET", "/v4/spreadsheets/ID?includeGridData=true", ""); !strings.Contains(got, `"effectiveFormat"`) || !strings.Contains(got, `"formattedValue":"Ada Lovelace"`) {
		t.Errorf("all of it: %s", got)
	}
}

func TestDataFilters(t *testing.T) {
	f := start(t).load(leads)
	byKey := `{"developerMetadataLookup":{"metadataKey":"rowsmith"}}`
	same(t, "by metadata", f.ok("POST", "/v4/spreadsheets/ID/values:batchGetByDataFilter?fields=valueRanges.valueRange.range", `{"dataFilters":[`+byKey+`,{"a1Range":"'My tab'"},{"gridRange":{"sheetId":7,"endRowIndex":1}}]}`),
		`{"valueRanges":[{"valueRange":{"range":"Sheet1!B1:B20"}},{"valueRange":{"range":"'My tab'!A1"}}]}`)
	same(t, "nothing found", f.ok("POST", "/v4/spreadsheets/ID/values:batchGetByDataFilter", `{"dataFilters":[{"developerMetadataLookup":{"metadataKey":"nope"}}]}`), `{"spreadsheetId":"ID"}`)
	same(t, "update", f.ok("POST", "/v4/spreadsheets/ID/values:batchUpdateByDataFilter", `{"valueInputOption":"RAW","data":[{"dataFilter":`+byKey+`,"majorDimension":"COLUMNS","values":[["Mail",null,"new"]]}]}`),
		`{"responses":[{"dataFilter":{"developerMetadataLookup":{"metadataKey":"rowsmith"}},"updatedCells":2,"updatedColumns":1,"updatedRange":"Sheet1!B1:B3","updatedRows":2}],"spreadsheetId":"ID","totalUpdatedCells":2,"totalUpdatedColumns":1,"totalUpdatedRows":2,"totalUpdatedSheets":1}`)
	same(t, "after it", f.values("Sheet1!B1:B3"), [][]any{row("Mail"), row("ada@example.com"), row("new")})
	same(t, "clear", f.ok("POST", "/v4/spreadsheets/ID/values:batchClearByDataFilter", `{"dataFilters":[`+byKey+`]}`), `{"clearedRanges":["Sheet1!B1:B20"],"spreadsheetId":"ID"}`)
	same(t, "spreadsheet", f.ok("POST", "/v4/spreadsheets/ID:getByDataFilter?fields=sheets(properties.title,data(startColumn,rowData.values(note)))", `{"dataFilters":[`+byKey+`]}`),
		`{"sheets":[{"data":[{"rowData":[{},{"values":[{"note":"found\tby hand"}]}],"startColumn":1}],"properties":{"title":"Sheet1"}}]}`)
	same(t, "search by place", f.ok("POST", "/v4/spreadsheets/ID/developerMetadata:search?fields=matchedDeveloperMetadata.developerMetadata.metadataId", `{"dataFilters":[{"developerMetadataLookup":{"locationType":"ROW"}},{"gridRange":{"sheetId":0,"startColumnIndex":1,"endColumnIndex":2}}]}`),
		`{"matchedDeveloperMetadata":[{"developerMetadata":{"metadataId":1}},{"developerMetadata":{"metadataId":2}}]}`)
	for lookup, want := range map[string]string{
		`"metadataLocation":{"sheetId":0}`:                                             `1`,
		`"metadataLocation":{"sheetId":0},"locationMatchingStrategy":"EXACT_LOCATION"`: ``,
		`"metadataLocation":{"spreadsheet":true}`:                                      `3`,
		`"metadataId":2,"metadataKey":"k"`:                                             `2`,
		`"visibility":"PROJECT"`:                                                       `2`,
		`"metadataValue":"abc"`:                                                        `3`,
	} {
		var got struct {
			MatchedDeveloperMetadata []struct {
				DeveloperMetadata struct{ MetadataId json.Number }
			}
		}
		if err := json.Unmarshal([]byte(f.ok("POST", "/v4/spreadsheets/ID/developerMetadata:search", `{"dataFilters":[{"developerMetadataLookup":{`+lookup+`}}]}`)), &got); err != nil {
			t.Fatal(err)
		}
		ids := ""
		for _, m := range got.MatchedDeveloperMetadata {
			ids += m.DeveloperMetadata.MetadataId.String()
		}
		if ids != want {
			t.Errorf("%s found %q, want %q", lookup, ids, want)
		}
	}
}

// TestBatchRequests runs one batch on a small sheet and compares the whole outcome.
func TestBatchRequests(t *testing.T) {
	const small = "title: T\n-- Sheet1 --\na\tb\nc\td\n"
	for _, tc := range []struct{ name, requests, want string }{
		{"updateCells writes and leaves what the mask leaves", `{"updateCells":{"start":{},"fields":"note","rows":[{"values":[{"note":"n","userEnteredValue":{"stringValue":"no"}}]}]}}`,
			"title: T\n-- Sheet1 --\na\tb\nc\td\n-- Sheet1/notes --\nA1\tn\n"},
		{"a format is merged by its parts", `{"updateCells":{"start":{},"fields":"userEnteredFormat","rows":[{"values":[{"userEnteredFormat":{"textFormat":{"bold":true},"numberFormat":{"type":"TEXT"}}}]}]}},
			{"repeatCell":{"range":{"endRowIndex":1,"endColumnIndex":1},"cell":{"userEnteredFormat":{"backgroundColor":{"red":1},"textFormat":{"italic":true}}},"fields":"userEnteredFormat(backgroundColor,textFormat.italic)"}}`,
			"title: T\n-- Sheet1 --\na\tb\nc\td\n-- Sheet1/formats --\nA1\t" + `{"backgroundColor":{"red":1},"numberFormat":{"type":"TEXT"},"textFormat":{"bold":true,"italic":true}}` + "\n"},
		{"a new row inherits formats", `{"repeatCell":{"range":{"endRowIndex":1,"endColumnIndex":1},"cell":{"userEnteredFormat":{"wrapStrategy":"WRAP"}},"fields":"userEnteredFormat"}},
			{"insertDimension":{"range":{"dimension":"ROWS","startIndex":1,"endIndex":2},"inheritFromBefore":true}}`,
			"title: T\n-- Sheet1 --\na\tb\n\nc\td\n-- Sheet1/formats --\nA1\t{\"wrapStrategy\":\"WRAP\"}\nA2\t{\"wrapStrategy\":\"WRAP\"}\n"},
		{"a new column inherits formats", `{"repeatCell":{"range":{"endRowIndex":1,"startColumnIndex":1},"cell":{"userEnteredFormat":{"wrapStrategy":"WRAP"}},"fields":"userEnteredFormat"}},
			{"insertDimension":{"range":{"dimension":"COLUMNS","startIndex":1,"endIndex":2}}}`,
			"title: T\n-- Sheet1 --\na\t\tb\nc\t\td\n-- Sheet1/formats --\nB1\t{\"wrapStrategy\":\"WRAP\"}\nC1\t{\"wrapStrategy\":\"WRAP\"}\n"},
		{"repeatCell of nothing clears", `{"repeatCell":{"range":{"startColumnIndex":1},"cell":{},"fields":"*"}}`, "title: T\n-- Sheet1 cols=2 --\na\nc\n"},
		{"appendCells", `{"appendCells":{"fields":"userEnteredValue","rows":[{"values":[{"userEnteredValue":{"numberValue":1}},{"userEnteredValue":{"boolValue":true}},{"userEnteredValue":{"formulaValue":"=X"}}]}]}}`,
			"title: T\n-- Sheet1 --\na\tb\nc\td\n1\tTRUE\t=X\n"},
		{"sheets", `{"addSheet":{"properties":{"title":"New","sheetId":5,"index":0,"gridProperties":{"rowCount":2,"columnCount":3,"frozenRowCount":1}}}},
			{"updateSheetProperties":{"properties":{"sheetId":0,"title":"Old","hidden":true},"fields":"title,hidden"}},{"duplicateSheet":{"sourceSheetId":0,"newSheetId":9,"newSheetName":"Copy","insertSheetIndex":2}}`,
			"title: T\n-- New rows=2 cols=3 frozen=1 id=5 --\n-- Old id=0 hidden --\na\tb\nc\td\n-- Copy id=9 --\na\tb\nc\td\n"},
		{"moving a tab", `{"addSheet":{"properties":{"title":"B","sheetId":5,"gridProperties":{"rowCount":1,"columnCount":1}}}},{"updateSheetProperties":{"properties":{"sheetId":0,"index":2},"fields":"index"}}`,
			"title: T\n-- B id=5 --\n-- Sheet1 id=0 --\na\tb\nc\td\n"},
		{"resizing", `{"updateSheetProperties":{"properties":{"gridProperties":{"rowCount":1,"columnCount":3}},"fields":"gridProperties(rowCount,columnCount)"}}`, "title: T\n-- Sheet1 cols=3 --\na\tb\n"},
		{"title", `{"updateSpreadsheetProperties":{"properties":{"title":"Other"},"fields":"title"}}`, "title: Other\n-- Sheet1 --\na\tb\nc\td\n"},
		{"hiding and sizes", `{"updateDimensionProperties":{"range":{"dimension":"ROWS","startIndex":1,"endIndex":2},"properties":{"hiddenByUser":true},"fields":"hiddenByUser"}},
			{"updateDimensionProperties":{"range":{"dimension":"COLUMNS","startIndex":0,"endIndex":1},"properties":{"pixelSize":50},"fields":"pixelSize"}},{"moveDimension":{"source":{"dimension":"COLUMNS","startIndex":0,"endIndex":1},"destinationIndex":2}}`,
			"title: T\n-- Sheet1 --\nb\ta\nd\tc\n-- Sheet1/rows --\n2\thidden\n-- Sheet1/columns --\nB\twidth=50\n"},
		{"insertRange down", `{"insertRange":{"range":{"endRowIndex":1,"endColumnIndex":1},"shiftDimension":"ROWS"}}`, "title: T\n-- Sheet1 --\n\tb\na\td\nc\n"},
		{"deleteRange up", `{"deleteRange":{"range":{"endRowIndex":1,"endColumnIndex":1},"shiftDimension":"ROWS"}}`, "title: T\n-- Sheet1 --\nc\tb\n\td\n"},
		{"deleteRange left", `{"deleteRange":{"range":{"endRowIndex":1,"endColumnIndex":1},"shiftDimension":"COLUMNS"}}`, "title: T\n-- Sheet1 --\nb\nc\td\n"},
		{"findReplace", `{"findReplace":{"find":"C","replacement":"$1x","allSheets":true}}`, "title: T\n-- Sheet1 --\na\tb\n$1x\td\n"},
		{"metadata", `{"createDeveloperMetadata":{"developerMetadata":{"metadataId":1,"metadataKey":"k","visibility":"DOCUMENT","location":{"dimensionRange":{"dimension":"COLUMNS","startIndex":1,"endIndex":2}}}}},
			{"createDeveloperMetadata":{"developerMetadata":{"metadataId":2,"metadataKey":"gone","visibility":"PROJECT","location":{"sheetId":0}}}},
			{"updateDeveloperMetadata":{"dataFilters":[{"developerMetadataLookup":{"metadataId":1}}],"developerMetadata":{"metadataValue":"v"},"fields":"metadataValue"}},
			{"deleteDeveloperMetadata":{"dataFilter":{"developerMetadataLookup":{"metadataKey":"gone"}}}}`,
			"title: T\n-- Sheet1 --\na\tb\nc\td\n-- metadata --\n1\tDOCUMENT\tcolumn Sheet1 B\tk\tv\n"},
		{"a later request sees what an earlier did", `{"addSheet":{"properties":{"title":"B","sheetId":5,"gridProperties":{"rowCount":1,"columnCount":1}}}},{"updateCells":{"start":{"sheetId":5},"fields":"userEnteredValue","rows":[{"values":[{"userEnteredValue":{"stringValue":"x"}}]}]}},{"deleteSheet":{"sheetId":0}}`,
			"title: T\n-- B id=5 --\nx\n"},
		{"a filter is kept", `{"setBasicFilter":{"filter":{"range":{"sheetId":0}}}},{"clearBasicFilter":{}}`, small},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := start(t).load(small)
			f.ok("POST", "/v4/spreadsheets/ID:batchUpdate", `{"requests":[`+tc.requests+`]}`)
			if got := f.dump(); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

func TestCopyToAnotherSpreadsheet(t *testing.T) {
	f := start(t).load("-- A --\nx\n")
	from := f.id
	f.load("title: to\n-- B --\ny\n")
	if _, err := f.api.Spreadsheets.Sheets.CopyTo(from, 0, &sheets.CopySheetToAnotherSpreadsheetRequest{DestinationSpreadsheetId: f.id}).Do(); err != nil {
		t.Fatal(err)
	}
	same(t, "values", f.values("'Copy of A'!A1"), [][]any{row("x")})
}
