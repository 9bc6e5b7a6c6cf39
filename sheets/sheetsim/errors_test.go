package sheetsim_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// exchange sends one raw request and returns status and body.
func (f *fixture) exchange(method, path, body string, headers ...string) (int, string) {
	f.t.Helper()
	r, err := http.NewRequest(method, f.url+strings.ReplaceAll(path, "ID", f.id), strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

func TestRefusals(t *testing.T) {
	f := start(t)
	id, err := f.srv.Load(t.Context(), leads)
	if err != nil {
		t.Fatal(err)
	}
	f.id = id
	long := strings.Repeat("x", 50_001)
	for _, tc := range []struct {
		name, method, path, body string
		code                     int
		message                  string
	}{
		{"unknown spreadsheet", "GET", "/v4/spreadsheets/nope", "", 404, "Requested entity was not found."},
		{"unknown method", "GET", "/v4/nothing", "", 404, "Method not found."},
		{"unknown range", "GET", "/v4/spreadsheets/ID/values/Nope%21A1", "", 400, "Unable to parse range: Nope!A1"},
		{"no range at all", "GET", "/v4/spreadsheets/ID/values/A", "", 400, "Unable to parse range: A"},
		{"reading beyond", "GET", "/v4/spreadsheets/ID/values/Sheet1%21A21%3AB30", "", 400, "Range (Sheet1!A21:B30) exceeds grid limits. Max rows: 20, max columns: 6"},
		{"reading beyond with a quoted name", "GET", "/v4/spreadsheets/ID/values/%27My%20tab%27%21Z1", "", 400, "Range ('My tab'!Z1) exceeds grid limits. Max rows: 1, max columns: 1"},
		{"mask names nothing", "GET", "/v4/spreadsheets/ID?fields=sheets.nope", "", 400, "Request contains an invalid argument."},
		{"mask with a space", "GET", "/v4/spreadsheets/ID?fields=properties,%20sheets", "", 400, "Request contains an invalid argument."},
		{"unknown parameter", "GET", "/v4/spreadsheets/ID?what=1", "", 400, `Invalid JSON payload received. Unknown name "what": Cannot bind query parameter. Field 'what' could not be found in request message.`},
		{"no input option", "PUT", "/v4/spreadsheets/ID/values/A1", `{"values":[["x"]]}`, 400, "'valueInputOption' is required but not specified"},
		{"writing beyond", "PUT", "/v4/spreadsheets/ID/values/Sheet1!A20?valueInputOption=RAW", `{"values":[["x"],["y"]]}`, 400, "Range (Sheet1!A20:A21) exceeds grid limits. Max rows: 20, max columns: 6"},
		{"more rows than the range", "PUT", "/v4/spreadsheets/ID/values/Sheet1!A1:B2?valueInputOption=RAW", `{"values":[["x"],["y"],["z"]]}`, 400, "Requested writing within range [Sheet1!A1:B2], but tried writing to row [3]"},
		{"more columns than the range", "PUT", "/v4/spreadsheets/ID/values/Sheet1!A1:B?valueInputOption=RAW", `{"values":[["x","y","z"]]}`, 400, "Requested writing within range [Sheet1!A:B], but tried writing to column [C]"},
		{"too many characters", "PUT", "/v4/spreadsheets/ID/values/Sheet1!A1?valueInputOption=RAW", `{"values":[["` + long + `"]]}`, 400, "Your input contains more than the maximum of 50000 characters in a single cell."},
		{"a list in a cell", "PUT", "/v4/spreadsheets/ID/values/Sheet1!A1?valueInputOption=RAW", `{"values":[[["x"]]]}`, 400, "Invalid values[0][0]: list_value {\n}\n"},
		{"unknown field", "POST", "/v4/spreadsheets/ID/values:batchUpdate", `{"data":[{"rnage":"A1"}]}`, 400, `Invalid JSON payload received. Unknown name "rnage" at 'data[0]': Cannot find field.`},
		{"unknown field at the root", "POST", "/v4/spreadsheets", `{"requests":[]}`, 400, `Invalid JSON payload received. Unknown name "requests": Cannot find field.`},
		{"deep unknown field", "POST", "/v4/spreadsheets/ID:batchUpdate", `{"requests":[{"updateSheetProperties":{"properties":{"headerValues":[]}}}]}`, 400, `Invalid JSON payload received. Unknown name "headerValues" at 'requests[0].update_sheet_properties.properties': Cannot find field.`},
		{"list for a message", "POST", "/v4/spreadsheets/ID:batchUpdate", `{"requests":[{"updateCells":[]}]}`, 400, `Invalid JSON payload received. Unknown name "updateCells" at 'requests[0]': Proto field is not repeating, cannot start list.`},
		{"text for a number", "POST", "/v4/spreadsheets/ID:batchUpdate", `{"requests":[{"deleteSheet":{"sheetId":"x"}}]}`, 400, `Invalid value at 'requests[0].delete_sheet.sheet_id' (TYPE_INT32), "x"`},
		{"no request", "POST", "/v4/spreadsheets/ID:batchUpdate", `{}`, 400, "Must specify at least one request."},
		{"empty request", "POST", "/v4/spreadsheets/ID:batchUpdate", `{"requests":[{}]}`, 400, "Invalid requests[0]: No request set."},
		{"unknown kind", "POST", "/v4/spreadsheets/ID:batchUpdate", `{"requests":[{"addChart":{}}]}`, 400, "Invalid requests[0].addChart: addChart is not simulated by this server"},
		{"unknown sheet", "POST", "/v4/spreadsheets/ID:batchUpdate", `{"requests":[{"updateCells":{"start":{"sheetId":99},"fields":"note"}}]}`, 400, "Invalid requests[0].updateCells: No grid with id: 99"},
		{"no fields", "POST", "/v4/spreadsheets/ID:batchUpdate", `{"requests":[{"updateCells":{"start":{}}}]}`, 400, "Invalid requests[0].updateCells: At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)"},
		{"wrong fields", "POST", "/v4/spreadsheets/ID:batchUpdate", `{"requests":[{"updateCells":{"start":{},"fields":"nope"}}]}`, 400, "Invalid requests[0].updateCells: Invalid field: nope"},
		{"cells beyond the grid", "POST", "/v4/spreadsheets/ID:batchUpdate", `{"requests":[{"updateCells":{"start":{"rowIndex":20},"fields":"note","rows":[{"values":[{}]}]}}]}`, 400, "Invalid requests[0].updateCells: Range (Sheet1!A21) exceeds grid limits. Max rows: 20, max columns: 6"},
		{"rows beyond the range", "POST", "/v4/spreadsheets/ID:batchUpdate", `{"requests":[{"updateCells":{"range":{"endRowIndex":1},"fields":"note","rows":[{},{}]}}]}`, 400, "Invalid requests[0].updateCells: Attempting to write row: 1, beyond the last requested row of: 0"},
		{"long cell in a batch", "POST", "/v4/spreadsheets/ID:batchUpdate", `{"requests":[{"updateCells":{"start":{},"fields":"userEnteredValue","rows":[{"values":[{"userEnteredValue":{"stringValue":"` + long + `"}}]}]}}]}`, 400, "Invalid requests[0].updateCells: Your input contains more than the maximum of 50000 characters in a single cell."},
		{"too many cells", "POST", "/v4/spreadsheets/ID:batchUpdate", `{"requests":[{"updateSheetProperties":{"properties":{"sheetId":0,"gridProperties":{"rowCount":1666667,"columnCount":6}},"fields":"gridProperties.rowCount"}}]}`, 400, "Invalid requests[0].updateSheetProperties: This action would increase the number of cells in the workbook above the limit of 10000000 cells."},
		{"too many columns", "POST", "/v4/spreadsheets/ID:batchUpdate", `{"requests":[{"appendDimension":{"dimension":"COLUMNS","length":18273}}]}`, 400, "Invalid requests[0].appendDimension: This action would increase the number of columns in the sheet above the limit of 18278 columns."},
		{"name taken", "POST", "/v4/spreadsheets/ID:batchUpdate", `{"requests":[{"addSheet":{"properties":{"title":"sheet1"}}}]}`, 400, `Invalid requests[0].addSheet: A sheet with the name "sheet1" already exists. Please enter another name.`},
		{"second request fails", "POST", "/v4/spreadsheets/ID:batchUpdate", `{"requests":[{"deleteSheet":{"sheetId":0}},{"deleteSheet":{"sheetId":7}}]}`, 400, "Invalid requests[1].deleteSheet: You can't remove all the sheets in a document."},
		{"all rows", "POST", "/v4/spreadsheets/ID:batchUpdate", `{"requests":[{"deleteDimension":{"range":{"sheetId":7,"dimension":"ROWS"}}}]}`, 400, "Invalid requests[0].deleteDimension: You can't delete all the rows on the sheet."},
		{"all rows that aren't frozen", "POST", "/v4/spreadsheets/ID:batchUpdate", `{"requests":[{"deleteDimension":{"range":{"sheetId":0,"dimension":"ROWS","startIndex":1}}}]}`, 400, "Invalid requests[0].deleteDimension: You can't delete all non-frozen rows."},
		{"inherit from nothing", "POST", "/v4/spreadsheets/ID:batchUpdate", `{"requests":[{"insertDimension":{"inheritFromBefore":true,"range":{"dimension":"ROWS","endIndex":1}}}]}`, 400, "Invalid requests[0].insertDimension: inheritFromBefore cannot be true if inserting at index 0."},
		{"too much metadata", "POST", "/v4/spreadsheets/ID:batchUpdate", `{"requests":[{"createDeveloperMetadata":{"developerMetadata":{"metadataKey":"k","visibility":"DOCUMENT","location":{"sheetId":0},"metadataValue":"` + strings.Repeat("v", 29_987) + `"}}}]}`, 400, "Invalid requests[0].createDeveloperMetadata: Developer metadata is limited to 30000 characters."},
		{"metadata id taken", "POST", "/v4/spreadsheets/ID:batchUpdate", `{"requests":[{"createDeveloperMetadata":{"developerMetadata":{"metadataId":1,"metadataKey":"k","visibility":"DOCUMENT","location":{"sheetId":0}}}}]}`, 400, "Invalid requests[0].createDeveloperMetadata: Developer metadata with ID 1 already exists."},
		{"unknown metadata", "GET", "/v4/spreadsheets/ID/developerMetadata/99", "", 404, "Requested entity was not found."},
		{"broken JSON", "POST", "/v4/spreadsheets", `{"properties":`, 400, "Invalid JSON payload received. Unexpected end of string."},
		{"alt", "GET", "/v4/spreadsheets/ID?alt=proto", "", 400, "Only alt=json is served (not simulated: alt=proto)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before, err := f.srv.Dump(t.Context(), f.id)
			if err != nil {
				t.Fatal(err)
			}
			code, body := f.exchange(tc.method, tc.path, tc.body)
			want := fmt.Sprintf("%q", tc.message)
			if code != tc.code || !strings.Contains(body, jsonString(tc.message)) {
				t.Errorf("%d %s\nwant %d %s", code, body, tc.code, want)
			}
			if after, err := f.srv.Dump(t.Context(), f.id); err != nil || after != before {
				t.Errorf("a refused request changed something: %v\n%s", err, after)
			}
		})
	}
}
