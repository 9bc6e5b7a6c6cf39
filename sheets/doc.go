// Package sheets sees a Google spreadsheet as rows and columns: it reads ranges, says which
// column means what, remembers rows by what stands in them, and writes values back beside
// the inputs they were computed from.
//
// # What it refuses
//
//   - To write beside anything but the row a value belongs to. Before every write the rows are read
//     again; a row that is not where it was is looked for, and a row that is not found is kept and reported.
//   - To let a value become a formula. Strings are sent as typed strings, also when they begin with "=".
//   - To overwrite a formula, whatever the fill policy says.
//   - To repeat a structural change blindly. Reads are repeated, value writes are repeated after a new look.
//
// # Formats that are kept by others
//
//   - [Anchor]: 16 bytes of SHA-256 over the non-blank cells with their position and type, as 32 hex digits in text.
//   - Output columns carry developer metadata with the key [ColumnKey], the attribute's name as value,
//     visibility DOCUMENT. It moves with the column and survives a renamed heading.
//
// Rows and columns are counted from zero and ranges are half-open everywhere but in A1 notation.
// Errors are of the kinds in errors.go; none of them, as text, holds what stands in a cell.
package sheets
