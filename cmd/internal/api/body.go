package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"rowsmith/tasks"
)

const (
	maxBody  = 1 << 20 // bytes of a request
	maxDepth = 50      // objects and lists inside each other
)

// read decodes a JSON body strictly: one object in UTF-8, every field known by its exact name and there once. Go's decoder alone
// would take "WANT" for "want", and of two the last, where another reader of the same body takes the first.
func read(c echo.Context, v any) error {
	r := c.Request()
	if err := mediaType(r.Header); err != nil {
		return err
	}
	b, err := io.ReadAll(http.MaxBytesReader(c.Response().Writer, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return &tasks.Error{Code: tasks.CodeTooLarge, Detail: fmt.Sprintf("The request is too large: %d MB at most.", maxBody>>20), Err: err}
	case err != nil:
		return unreadable("The body broke off. Send it again.", err)
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	if len(bytes.TrimSpace(b)) == 0 {
		return unreadable("The body is empty. Send one JSON object.", nil)
	}
	if !utf8.Valid(b) {
		return unreadable("The body is not UTF-8. Send JSON in UTF-8.", nil)
	}
	var whole json.RawMessage
	var syntax *json.SyntaxError
	if err := json.Unmarshal(b, &whole); errors.As(err, &syntax) && syntax.Offset > 0 {
		return unreadable(fmt.Sprintf("The body can't be read beyond byte %d. Send one JSON object.", syntax.Offset), err)
	} else if err != nil {
		return unreadable("The body can't be read. Send one JSON object.", err)
	}
	if b[bytes.IndexFunc(b, func(r rune) bool { return !strings.ContainsRune(" \t\r\n", r) })] != '{' {
		return unreadable("The body is no object. Send one JSON object.", nil)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber() // what doesn't fit is the field's trouble, below
	if err := checkNames(d, reflect.TypeOf(v), "", 0); err != nil {
		return err
	}
	var wrong *json.UnmarshalTypeError
	err = json.Unmarshal(b, v)
	switch {
	case errors.As(err, &wrong) && wrong.Field != "":
		return badField(wrong.Field, "This has the wrong type; it takes "+kindName(wrong.Type.Kind())+".")
	case err != nil:
		return unreadable("The body can't be read. GET /openapi.json shows how it looks.", err)
	}
	return nil
}

// mediaType refuses bodies that say of themselves that they are no JSON in UTF-8. One that says nothing is taken.
func mediaType(h http.Header) error {
	bad := &tasks.Error{Code: codeMediaType, Detail: "Send JSON in UTF-8, uncompressed, with Content-Type: application/json."}
	if enc := h.Get(echo.HeaderContentEncoding); enc != "" && !strings.EqualFold(enc, "identity") {
		return bad
	}
	all := h.Values(echo.HeaderContentType)
	if len(all) == 0 || len(all) == 1 && all[0] == "" {
		return nil
	}
	kind, params, err := mime.ParseMediaType(all[0])
	charset := params["charset"]
	if err != nil || len(all) > 1 || kind != echo.MIMEApplicationJSON || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return bad
	}
	return nil
}

// checkNames walks one JSON value beside the Go type it is for, and reports names that the type hasn't, names that stand
// twice, and nesting that no request needs. d's input is known to be JSON.
func checkNames(d *json.Decoder, t reflect.Type, path string, depth int) error {
	if depth > maxDepth {
		return unreadable(fmt.Sprintf("The body is nested more than %d deep.", maxDepth), nil)
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	tok, err := d.Token()
	if err != nil {
		return unreadable("The body can't be read. Send one JSON object.", err)
	}
	switch tok {
	case json.Delim('{'):
		fields := fieldsOf(t)
		seen := map[string]bool{}
		for d.More() {
			tok, err := d.Token()
			name, ok := tok.(string)
			if err != nil || !ok {
				return unreadable("The body can't be read. Send one JSON object.", err)
			}
			at := strings.TrimPrefix(path+"."+name, ".")
			if seen[name] {
				return badField(at, "This field stands there twice.")
			}
			seen[name] = true
			var inner reflect.Type
			switch {
			case fields != nil:
				if inner, ok = fields[name]; !ok {
					return badField(at, "There is no such field. GET /openapi.json lists the fields.")
				}
			case t != nil && t.Kind() == reflect.Map:
				inner = t.Elem()
			}
			if err := checkNames(d, inner, at, depth+1); err != nil {
				return err
			}
		}
	case json.Delim('['):
		var inner reflect.Type
		if t != nil && t.Kind() == reflect.Slice {
			inner = t.Elem()
		}
		for d.More() {
			if err := checkNames(d, inner, path, depth+1); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	_, err = d.Token() // the closing bracket
	return err
}

// fieldsOf returns a struct's JSON names with their types; nil where t is no struct.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	m := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			m[name] = f.Type
		}
	}
	return m
}

func unreadable(detail string, cause error) error {
	return &tasks.Error{Code: tasks.CodeInvalid, Detail: detail, Err: cause}
}

// badField says what is wrong with one field, whose name may be anything that somebody sent.
func badField(field, detail string) error {
	if r := []rune(field); len(r) > 60 {
		field = string(r[:60]) + "…"
	}
	return &tasks.Error{Code: tasks.CodeInvalid, Detail: field + ": " + detail, Fields: []tasks.FieldError{{Field: field, Detail: detail}}}
}

// kindName says a Go kind in JSON's words.
func kindName(k reflect.Kind) string {
	switch k {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "an object"
	case reflect.Bool:
		return "true or false"
	}
	return "a text"
}
