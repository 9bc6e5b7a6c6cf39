package tabular

import "context"

func openWorkbook(ctx context.Context, src *source, o Options) (Table, error) {
	return nil, problem(nil, "%s is an Excel workbook.", src.name)
}
