package api

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3gen"

	"rowsmith/cmd/internal/access"
	"rowsmith/sheets"
	"rowsmith/tasks"
)

var pathParam = regexp.MustCompile(`\{([a-z_]+)\}`)

// Describe makes the OpenAPI document from the table of routes. Internal routes are left out: they are nobody's to call.
func Describe(version string) (*openapi3.T, error) {
	doc := &openapi3.T{
		OpenAPI: "3.0.3",
		Info:    &openapi3.Info{Title: "Rowsmith", Version: version, Description: "Enriches the rows of a sheet: people and companies, each value with its source."},
		Paths:   openapi3.NewPaths(),
		Components: &openapi3.Components{
			Schemas: openapi3.Schemas{},
			SecuritySchemes: openapi3.SecuritySchemes{
				string(access.APIKey): &openapi3.SecuritySchemeRef{Value: openapi3.NewSecurityScheme().WithType("http").WithScheme("bearer").
					WithDescription("An API key.")},
				keyHeader: &openapi3.SecuritySchemeRef{Value: openapi3.NewSecurityScheme().WithType("apiKey").WithIn("header").WithName("X-API-Key").
					WithDescription("An API key, for programs that can't set Authorization.")},
			},
		},
	}
	gen := openapi3gen.NewGenerator(openapi3gen.SchemaCustomizer(refine),
		openapi3gen.CreateComponentSchemas(openapi3gen.ExportComponentSchemasOptions{ExportComponentSchemas: true, ExportTopLevelSchema: true}))
	schema := func(v any) (*openapi3.SchemaRef, error) { return gen.NewSchemaRefForValue(v, doc.Components.Schemas) }
	prob, err := schema(Problem{})
	if err != nil {
		return nil, fmt.Errorf("describe problem: %w", err)
	}
	for _, r := range routes() {
		if r.who == access.Internal {
			continue
		}
		op := openapi3.NewOperation()
		op.Summary = r.summary
		op.OperationID = operationID(r)
		op.Responses = openapi3.NewResponsesWithCapacity(4)
		for _, m := range pathParam.FindAllStringSubmatch(r.path, -1) {
			op.AddParameter(openapi3.NewPathParameter(m[1]).WithSchema(openapi3.NewStringSchema()))
		}
		for _, q := range r.query {
			t := openapi3.NewStringSchema()
			if q.most > 0 {
				t = openapi3.NewIntegerSchema().WithMin(1).WithMax(float64(q.most))
			}
			op.AddParameter(openapi3.NewQueryParameter(q.name).WithDescription(q.about).WithSchema(t))
		}
		if r.takes != nil {
			ref, err := schema(r.takes)
			if err != nil {
				return nil, fmt.Errorf("describe body of %s: %w", r.path, err)
			}
			op.RequestBody = &openapi3.RequestBodyRef{Value: openapi3.NewRequestBody().WithRequired(true).WithJSONSchemaRef(ref)}
			op.AddParameter(openapi3.NewHeaderParameter("Idempotency-Key").WithSchema(openapi3.NewStringSchema().WithMaxLength(200)).
				WithDescription("Makes repeating the call safe: the same key with the same body gives the first answer, for 24 hours."))
		}
		ok := openapi3.NewResponse().WithDescription(http.StatusText(r.status))
		switch {
		case r.media != "":
			ok.Content = openapi3.NewContentWithSchema(openapi3.NewStringSchema(), []string{r.media})
		case r.gives != nil:
			ref, err := schema(r.gives)
			if err != nil {
				return nil, fmt.Errorf("describe answer of %s: %w", r.path, err)
			}
			ok = ok.WithJSONSchemaRef(ref)
		}
		op.AddResponse(r.status, ok)
		if r.who != access.None {
			op.Security = openapi3.NewSecurityRequirements().With(openapi3.NewSecurityRequirement().Authenticate(string(r.who))).
				With(openapi3.NewSecurityRequirement().Authenticate(keyHeader))
		}
		fails := map[int][]string{}
		for _, code := range r.failures() {
			fails[status[code]] = append(fails[status[code]], string(code))
		}
		for st, codes := range fails {
			resp := openapi3.NewResponse().WithDescription(strings.Join(codes, ", "))
			resp.Content = openapi3.Content{"application/problem+json": openapi3.NewMediaType().WithSchemaRef(prob)}
			if st == http.StatusServiceUnavailable {
				after := &openapi3.Header{Parameter: openapi3.Parameter{Description: "seconds", Required: true, Schema: openapi3.NewIntegerSchema().NewRef()}}
				resp.Headers = openapi3.Headers{"Retry-After": &openapi3.HeaderRef{Value: after}}
			}
			op.Responses.Set(strconv.Itoa(st), &openapi3.ResponseRef{Value: resp})
		}
		item := doc.Paths.Value(r.path)
		if item == nil {
			item = &openapi3.PathItem{}
			doc.Paths.Set(r.path, item)
		}
		item.SetOperation(r.method, op)
	}
	if err := openapi3.NewLoader().ResolveRefsIn(doc, nil); err != nil {
		return nil, fmt.Errorf("describe: %w", err)
	}
	return doc, nil
}

// keyHeader names the way of sending a key by its own header.
const keyHeader = "api_key_header"

// operationID is a route's name: "post_v1_jobs_id_pause".
func operationID(r route) string {
	return strings.ToLower(r.method) + strings.NewReplacer("/", "_", "{", "", "}", "", ".", "_").Replace(r.path)
}

// closed lists the values of the types that are closed sets.
func closed() map[reflect.Type][]any {
	codes := []any{}
	for _, c := range slices.Sorted(maps.Keys(status)) {
		codes = append(codes, string(c))
	}
	return map[reflect.Type][]any{
		reflect.TypeFor[tasks.Code]():        codes,
		reflect.TypeFor[tasks.State]():       set(tasks.Queued, tasks.Running, tasks.Paused, tasks.Done, tasks.Failed, tasks.Cancelled),
		reflect.TypeFor[tasks.Trigger]():     set(tasks.BySidebar, tasks.ByAPI, tasks.ByCLI, tasks.BySchedule),
		reflect.TypeFor[tasks.PauseCode]():   set(tasks.OutOfCredits, tasks.BudgetReached, tasks.AccessRevoked, tasks.SheetMissing, tasks.OutputColumnMissing, tasks.VendorUnavailable, tasks.StoppedByPerson, tasks.SpendingStopped),
		reflect.TypeFor[sheets.Fill]():       set(sheets.FillBlanks, sheets.FillStale, sheets.FillOverwrite),
		reflect.TypeFor[access.Credential](): set(access.APIKey),
	}
}

// set is values as the document lists them.
func set[T ~string](values ...T) []any {
	var all []any
	for _, v := range values {
		all = append(all, string(v))
	}
	return all
}

// refine says what Go's types don't: which fields are always there, which values there are, and that a body has no other fields.
func refine(_ string, t reflect.Type, _ reflect.StructTag, s *openapi3.Schema) error {
	s.Enum = closed()[t]
	if t == reflect.TypeFor[tasks.Request]() {
		s.AdditionalProperties = openapi3.AdditionalProperties{Has: new(bool)}
	}
	if t.Kind() != reflect.Struct || s.Type == nil || !s.Type.Is("object") {
		return nil
	}
	for i := range t.NumField() {
		name, opts, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" || s.Properties[name] == nil {
			continue
		}
		switch {
		case !strings.Contains(opts, "omit"):
			s.Required = append(s.Required, name)
		case t != reflect.TypeFor[tasks.Request]() && s.Properties[name].Value != nil:
			s.Properties[name].Value.Nullable = false // left out, never null
		}
	}
	return nil
}
