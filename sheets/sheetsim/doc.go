// Package sheetsim is a Google Sheets API v4 server for one machine: the spreadsheets of `rowsmith dev` and
// `rowsmith enrich`, and the test double of everything that speaks to Sheets. It answers what Google documents, failures
// included, so that any ordinary Sheets client works with it.
//
// Spreadsheets live in one SQLite file (see disk); a request is one transaction, so a batchUpdate is applied wholly
// or not at all, whatever dies. Rows are kept in blocks of some hundred; a million rows never are in memory.
//
// What is simulated: all methods of spreadsheets, spreadsheets.values, spreadsheets.developerMetadata and sheets.copyTo;
// of batchUpdate the requests listed in (*call).request. Any other kind of request is a 400 that says so.
//
// Where it is simpler than Google:
//   - Formulas are opaque; they get a value once, when entered: see (*Server).evaluate.
//   - Locale is en_US in reading and writing of numbers and dates, whatever the properties say.
//   - Named and protected ranges, merges, filter views, tables, charts and conditional formats don't exist. A basic filter
//     is kept but hides nothing.
//   - A write by values.update beyond the grid is always a 400; only values.append and appendCells grow the grid.
//   - PROJECT metadata is visible to everyone: there is one project.
//
// It refuses to be a service for many machines, and imports nothing else of this module.
package sheetsim
