package discovery

import (
	"net/url"
	"strings"
)

// matchPath holds an escaped path against a template such as
// "v4/spreadsheets/{spreadsheetId}/values/{range}:append". A parameter is one segment (or what a verb leaves of it);
// it is unescaped after splitting, so an escaped slash in a tab's name does not split.
//
// A parameter without a verb doesn't swallow one: "values/{range}" never matches on POST, where all verbs live, but does
// match "values/A1:B2" on GET.
func matchPath(template, path string) (map[string]string, bool) {
	ts, ps := strings.Split(template, "/"), strings.Split(path, "/")
	if len(ts) != len(ps) {
		return nil, false
	}
	params := map[string]string{}
	for i, t := range ts {
		name, verb, isParam := parameter(t)
		if !isParam {
			// A literal may arrive with its colon escaped.
			if p, err := url.PathUnescape(ps[i]); err != nil || p != t {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(ps[i])
		if err != nil {
			return nil, false
		}
		value, found := strings.CutSuffix(value, verb)
		if !found || value == "" {
			return nil, false
		}
		params[name] = value
	}
	return params, true
}

// parameter splits "{range}:append" into "range" and ":append".
func parameter(segment string) (name, verb string, ok bool) {
	rest, ok := strings.CutPrefix(segment, "{")
	if !ok {
		return "", "", false
	}
	name, verb, ok = strings.Cut(rest, "}")
	return name, verb, ok
}
