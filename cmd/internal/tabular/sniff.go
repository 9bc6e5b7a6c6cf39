package tabular

import (
	"bytes"
	"strings"
)

// sampleSize is how much of a file's beginning is looked at to find out what it is.
const sampleSize = 256 << 10

// foreign tells by its first bytes a file that is no delimited text, and says what to do instead; "" if it may be one.
func foreign(b []byte) string {
	starts := func(s string) bool { return bytes.HasPrefix(b, []byte(s)) }
	switch {
	case starts("%PDF-"):
		return "is a PDF. Export the table as CSV or XLSX and use that."
	case starts("\x89PNG"), starts("\xff\xd8\xff"), starts("GIF8"), starts("BM") && len(b) > 6 && b[5] == 0, starts("RIFF") && len(b) > 12 && string(b[8:12]) == "WEBP":
		return "is a picture. Put the table into a CSV or XLSX file and use that."
	case starts("PK\x03\x04"), starts("PK\x05\x06"):
		switch {
		case bytes.Contains(b, []byte("word/")):
			return "is a Word document. Put the table into a CSV or XLSX file and use that."
		case bytes.Contains(b, []byte("opendocument.spreadsheet")):
			return "is an OpenDocument spreadsheet. Save it as XLSX or CSV and use that."
		case bytes.Contains(b, []byte("Index/")) && bytes.Contains(b, []byte(".iwa")):
			return "is a Numbers file. Export it as XLSX or CSV and use that."
		case bytes.Contains(b, []byte("xl/")):
			return "is an Excel workbook. Rename it so that it ends in .xlsx."
		}
		return "is a zip archive. Unpack it and use the CSV or XLSX file in it."
	case starts(ole):
		return "is an older Excel file or protected with a password. Save it as XLSX or CSV, without a password, and use that."
	case starts("\x1f\x8b"), starts("7z\xbc\xaf"), starts("Rar!"), starts("BZh"), starts("\xfd7zXZ"), starts("\x28\xb5\x2f\xfd"):
		return "is compressed. Unpack it and use the CSV or XLSX file in it."
	case starts("SQLite format 3"), starts("\x7fELF"), starts("MZ\x90"), starts("PAR1"):
		return "is not a table of text. Export it as CSV or XLSX and use that."
	case starts(`{\rtf`):
		return "is a text document (RTF). Put the table into a CSV or XLSX file and use that."
	}
	head := strings.ToLower(strings.TrimSpace(string(b[:min(len(b), 256)])))
	if strings.HasPrefix(head, "<!doctype html") || strings.HasPrefix(head, "<html") {
		return "is a web page. Open it in a spreadsheet program, save it as XLSX or CSV and use that."
	}
	return ""
}

// ole begins compound files: .xls, and .xlsx with a password.
const ole = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

// binary reports whether bytes in one-byte units are more than text with a few odd control characters.
func binary(b []byte) bool {
	odd := 0
	for _, c := range b {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != '\v' {
			odd++
		}
	}
	return odd > 8 && odd*10 > len(b)
}

// dialect is how a delimited file is written.
type dialect struct {
	enc      encoding
	bom      int  // bytes of the byte order mark
	preamble int  // bytes of the mark and of Excel's "sep=;" line, which precede the first record
	delim    byte // the delimiter
}

// sniffDialect finds the dialect in a file's first bytes; more says that the file goes on. tabs says that its name
// speaks for tabs.
func sniffDialect(b []byte, more, tabs bool) dialect {
	var d dialect
	d.enc, d.bom = bom(b)
	if d.bom == 0 {
		if e, ok := nulPattern(b); ok {
			d.enc = e
		}
	}
	d.preamble = d.bom
	body := b[d.bom:]
	if n, delim := sepLine(body, d.enc); n > 0 {
		d.preamble += n
		d.delim = delim
		return d
	}
	d.delim = sniffDelimiter(body, d.enc, more, tabs)
	return d
}

// sepLine recognises Excel's first line "sep=;" and returns its length, line ending included, and the delimiter.
func sepLine(b []byte, e encoding) (int, byte) {
	b = b[:min(len(b), 64)]
	s := newSplitter(bytes.NewReader(b), int64(len(b)), e, 0)
	var rec record
	if s.next(&rec) != nil || rec.ending == endNone {
		return 0, 0
	}
	line := strings.Trim(e.decode(rec.raw[:rec.body]), `"`)
	if len(line) != 5 || !strings.EqualFold(line[:4], "sep=") {
		return 0, 0
	}
	c := line[4]
	if c < ' ' && c != '\t' || c > '~' || c == '"' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
		return 0, 0
	}
	return len(rec.raw), c
}

// delimiters are the candidates, the likelier first.
const delimiters = ",;\t|"

// sniffDelimiter takes the candidate that cuts the first records most evenly: what counts is how many records have
// the commonest number of fields (of two or more), how many have any, and whether the first does. A file without any
// has one column; its name says what to delimit new ones with.
func sniffDelimiter(b []byte, e encoding, more, tabs bool) byte {
	fallback := byte(',')
	order := delimiters
	if tabs {
		fallback, order = '\t', "\t,;|"
	}
	best, bestScore, bestWidth := fallback, 0.0, 0
	for i := range len(order) {
		widths := sampleWidths(b, e, order[i], more)
		score, width := evenness(widths)
		if score > bestScore+0.01 || score > bestScore-0.01 && width > bestWidth && bestScore > 0 {
			best, bestScore, bestWidth = order[i], score, width
		}
	}
	if bestScore < 0.8 { // too few and too uneven: punctuation in a single column
		return fallback
	}
	return best
}

// sampleWidths counts the fields of the first records that are not blank.
func sampleWidths(b []byte, e encoding, delim byte, more bool) []int {
	s := newSplitter(bytes.NewReader(b), int64(len(b)), e, delim)
	var rec record
	var widths []int
	for len(widths) < 200 {
		if s.next(&rec) != nil || more && rec.ending == endNone { // the sample cuts its last record
			break
		}
		if rec.body > 0 {
			widths = append(widths, len(rec.fields))
		}
	}
	return widths
}

// evenness scores a candidate's field counts from 0 to 2, and returns the commonest count.
func evenness(widths []int) (score float64, width int) {
	counts := map[int]int{}
	several := 0
	for _, w := range widths {
		if w > 1 {
			several++
			counts[w]++
		}
	}
	if several == 0 {
		return 0, 0
	}
	for w, n := range counts {
		if n > counts[width] || n == counts[width] && w > width {
			width = w
		}
	}
	total := float64(len(widths))
	score = float64(counts[width])/total + float64(several)/total*0.5
	if widths[0] > 1 {
		score += 0.5
	}
	return score, width
}
