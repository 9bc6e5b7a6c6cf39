package sheetsim

import (
	"math"
	"strconv"
	"strings"
)

// evaluate gives a formula its value once, when it is entered. Formulas are opaque here: a constant ("=5", `="a"`,
// "=TRUE") is itself, =HYPERLINK("url","label") is its label, and anything else is #NAME?, unless Config.Evaluate knows
// better. There is no recalculation.
func (s *Server) evaluate(formula string) value {
	if s.cfg.Evaluate != nil {
		if v, ok := valueOf(s.cfg.Evaluate(formula)); ok {
			return v
		}
	}
	body := strings.TrimSpace(strings.TrimPrefix(formula, "="))
	switch strings.ToUpper(body) {
	case "TRUE", "TRUE()":
		return boolean(true)
	case "FALSE", "FALSE()":
		return boolean(false)
	}
	if f, err := strconv.ParseFloat(body, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) && !strings.ContainsAny(body, "xXpP_") {
		return number(f)
	}
	if t, rest, ok := quotedText(body); ok && rest == "" {
		return text(t)
	}
	if len(body) > 10 && strings.EqualFold(body[:10], "HYPERLINK(") {
		if url, rest, ok := quotedText(strings.TrimSpace(body[10:])); ok {
			rest = strings.TrimSpace(rest)
			if rest == ")" {
				return text(url)
			}
			if label, end, ok := quotedText(strings.TrimSpace(strings.TrimLeft(rest, ",;"))); ok && strings.TrimSpace(end) == ")" {
				return text(label)
			}
		}
	}
	return failure("NAME", "Unknown function or range.")
}

// quotedText reads a text in double quotes from the front of s; "" within it is a quote.
func quotedText(s string) (in, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		return "", "", false
	}
	for i := 1; i < len(s); i++ {
		if s[i] != '"' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			i++
			continue
		}
		return strings.ReplaceAll(s[1:i], `""`, `"`), s[i+1:], true
	}
	return "", "", false
}

// A CellError is what [Config.Evaluate] returns for a formula that shows an error: Type is one of the API's
// ErrorValue types, such as "REF", "N_A" or "LOADING".
type CellError struct{ Type, Message string }

func valueOf(v any) (value, bool) {
	switch v := v.(type) {
	case string:
		return text(v), true
	case float64:
		return number(v), true
	case int:
		return number(float64(v)), true
	case bool:
		return boolean(v), true
	case CellError:
		return failure(v.Type, v.Message), true
	}
	return value{}, false
}
