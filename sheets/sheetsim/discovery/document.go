// Package discovery knows the shape of the Google Sheets API v4: which requests there are, what they carry
// and what comes back. It reads that from Google's own discovery document (carried here without its prose), so
// nothing about the API is typed in by hand.
//
// Three things use it. The server checks and normalises request bodies as Google's JSON front end does
// ([Document.Normalize]): unknown names, wrong types and unknown enum values are refused with Google's own
// sentences. Field masks ([ParseMask]) are understood in their full syntax and held against a schema. And tests of
// any package can wrap a handler in [Check], which fails the test when a request or a response leaves the document.
//
// It refuses to interpret anything: what a field means is not its business.
package discovery

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"sort"
)

// source is Google's sheets-api.json (BSD licence) with descriptions, icons and
// titles of enum values taken out. TestDocumentIsGooglesOwn compares it with the client module's copy;
// -update writes it anew.
//
//go:embed sheets-api.json
var source []byte

// A Schema is one type of the document.
type Schema struct {
	ID         string             `json:"id"`
	Type       string             `json:"type"` // object, array, string, integer, number, boolean, any
	Ref        string             `json:"$ref"` // the name of another schema, in place of Type
	Format     string             `json:"format"`
	Enum       []string           `json:"enum"`
	Items      *Schema            `json:"items"`
	Properties map[string]*Schema `json:"properties"`
	Additional *Schema            `json:"additionalProperties"`
	Pattern    string             `json:"pattern"`
	Location   string             `json:"location"` // of a parameter: path or query
	Required   bool               `json:"required"`
	Repeated   bool               `json:"repeated"`
}

// A Method is one call of the API.
type Method struct {
	ID         string             `json:"id"` // e.g. "sheets.spreadsheets.values.get"
	HTTPMethod string             `json:"httpMethod"`
	Path       string             `json:"path"` // e.g. "v4/spreadsheets/{spreadsheetId}/values/{range}:append"
	Parameters map[string]*Schema `json:"parameters"`
	Request    *Schema            `json:"request"`
	Response   *Schema            `json:"response"`
}

// A Document is the parsed discovery document. It is not changed after [Load] and may be shared.
type Document struct {
	Parameters map[string]*Schema
	Schemas    map[string]*Schema
	Methods    []*Method // in order of their ids
}

type resource struct {
	Methods   map[string]*Method   `json:"methods"`
	Resources map[string]*resource `json:"resources"`
}

// Load parses the document that is carried in the program.
func Load() (*Document, error) { return parse(source) }

func parse(b []byte) (*Document, error) {
	var raw struct {
		Parameters map[string]*Schema   `json:"parameters"`
		Schemas    map[string]*Schema   `json:"schemas"`
		Resources  map[string]*resource `json:"resources"`
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		return nil, fmt.Errorf("parse the discovery document: %w", err)
	}
	d := &Document{Parameters: raw.Parameters, Schemas: raw.Schemas}
	var walk func(map[string]*resource)
	walk = func(rs map[string]*resource) {
		for _, r := range rs {
			for _, m := range r.Methods {
				d.Methods = append(d.Methods, m)
			}
			walk(r.Resources)
		}
	}
	walk(raw.Resources)
	sort.Slice(d.Methods, func(i, j int) bool { return d.Methods[i].ID < d.Methods[j].ID })
	return d, nil
}

// Schema returns the named schema, or one that allows nothing if there is none of that name.
func (d *Document) Schema(name string) *Schema {
	if s := d.Schemas[name]; s != nil {
		return s
	}
	return &Schema{ID: name, Type: "object"}
}

func (d *Document) deref(s *Schema) *Schema {
	for s != nil && s.Ref != "" {
		s = d.Schema(s.Ref)
	}
	return s
}

// Served returns the document as a server at root (ending in a slash, e.g.
// "http://127.0.0.1:8080/sheets/") hands it out: JSON whose rootUrl and baseUrl name that server.
func Served(root string) ([]byte, error) {
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(source, &doc); err != nil {
		return nil, fmt.Errorf("parse the discovery document: %w", err)
	}
	url, err := json.Marshal(root)
	if err != nil {
		return nil, fmt.Errorf("encode the root %q: %w", root, err)
	}
	doc["rootUrl"], doc["baseUrl"] = url, url
	delete(doc, "mtlsRootUrl")
	return json.Marshal(doc)
}

// strip takes prose out of the document in b and returns it indented.
func strip(b []byte) ([]byte, error) {
	var doc any
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := dec.Decode(&doc); err != nil {
		return nil, err
	}
	var walk func(v any, prose bool)
	walk = func(v any, prose bool) {
		switch v := v.(type) {
		case map[string]any:
			if prose {
				for _, k := range []string{"description", "enumDescriptions", "enumDeprecated", "deprecated", "readOnly", "icons", "documentationLink"} {
					delete(v, k)
				}
			}
			for k, x := range v {
				// In a map of named things "description" is a name, not prose.
				walk(x, k != "properties" && k != "schemas" && k != "parameters" && k != "methods" && k != "resources")
			}
		case []any:
			for _, x := range v {
				walk(x, true)
			}
		}
	}
	walk(doc, true)
	out, err := json.MarshalIndent(doc, "", " ")
	return append(out, '\n'), err
}

// Find returns the method that answers httpMethod on path, and the path's parameters by name. The path is escaped and
// without the leading slash: "v4/spreadsheets/abc/values/%27My%20tab%27%21A1:append".
func (d *Document) Find(httpMethod, path string) (*Method, map[string]string) {
	for _, m := range d.Methods {
		if m.HTTPMethod != httpMethod {
			continue
		}
		if params, ok := matchPath(m.Path, path); ok {
			return m, params
		}
	}
	return nil, nil
}
