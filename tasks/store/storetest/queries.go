package storetest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"rowsmith/tasks/store"
)

// day is a time for fields.
func day(n int) time.Time { return time.Date(2024, 1, n, 0, 0, 0, 0, time.UTC) }

// fill writes the documents that query tests look for; beside them lie documents of another account and kind.
func (i *instance) fill() {
	i.Helper()
	var writes []store.Write
	for id, f := range map[string]store.Fields{
		"a": {"color": "red", "n": int64(1), "flag": true, "name": "Anna", "at": day(1)},
		"b": {"color": "red", "n": int64(2), "flag": false, "name": "Bo", "at": day(2)},
		"c": {"color": "red", "n": int64(2), "flag": true, "name": "anna", "at": day(2)},
		"d": {"color": "red", "n": int64(3), "flag": false, "name": "Änne"},
		"e": {"color": "blue", "n": int64(-1), "flag": true, "name": "", "at": day(3)},
		"f": {"color": "blue", "n": int64(2), "name": "Bo\U0001F600", "at": day(2).Add(time.Microsecond)},
		"g": {"color": "red"},
		"h": {"n": int64(2)},
		"i": {},
		"é": {"color": "red", "n": int64(2)},
	} {
		writes = append(writes, store.Create(doc(thing(id), id, f)))
	}
	for _, account := range []string{"acme2", "zeta", "aaa"} {
		writes = append(writes, store.Create(doc(store.Key{Account: account, Kind: "things", ID: "b"}, account, store.Fields{"color": "red", "n": int64(2), "flag": true, "name": "Bo", "at": day(2)})))
	}
	writes = append(writes, store.Create(doc(entry("a"), "", store.Fields{"n": int64(2)})))
	i.commit(writes...)
}

// ids spells a page: the ids in order, with the account where it is not acme.
func ids(docs []store.Doc) string {
	var list []string
	for _, d := range docs {
		id := d.Key.ID
		if d.Key.Account != "acme" {
			id = d.Key.Account + ":" + id
		}
		list = append(list, id)
	}
	return strings.Join(list, " ")
}

func where(args ...any) (list []store.Where) {
	for n := 0; n < len(args); n += 3 {
		list = append(list, store.Where{Field: args[n].(string), Cmp: store.Cmp(args[n+1].(string)), Value: args[n+2]})
	}
	return list
}

// order reads "color,-n".
func order(s string) (list []store.Order) {
	for f := range strings.SplitSeq(s, ",") {
		name, desc := strings.CutPrefix(f, "-")
		if name != "" {
			list = append(list, store.Order{Field: name, Desc: desc})
		}
	}
	return list
}

type queryCase struct {
	name   string
	where  []store.Where
	order  string
	across bool
	want   string
}

var queryCases = []queryCase{
	{name: "all of an account", want: "a b c d e f g h i é"},
	{name: "equal", where: where("color", "==", "red"), want: "a b c d g é"},
	{name: "equal is exact", where: where("color", "==", "Red"), want: ""},
	{name: "two equals", where: where("color", "==", "red", "flag", "==", true), want: "a c"},
	{name: "two equals, false, the other way round", where: where("flag", "==", false, "color", "==", "red"), want: "b d"},
	{name: "equal time", where: where("at", "==", day(2)), want: "b c"},
	{name: "order without bounds", where: where("color", "==", "red"), order: "n", want: "a b c é d"},
	{name: "less", where: where("color", "==", "red", "n", "<", int64(2)), order: "n", want: "a"},
	{name: "at most", where: where("color", "==", "red", "n", "<=", int64(2)), order: "n", want: "a b c é"},
	{name: "more", where: where("color", "==", "red", "n", ">", int64(1)), order: "n", want: "b c é d"},
	{name: "at least", where: where("color", "==", "red", "n", ">=", int64(2)), order: "n", want: "b c é d"},
	{name: "between", where: where("color", "==", "red", "n", ">", int64(1), "n", "<", int64(3)), order: "n", want: "b c é"},
	{name: "between, bounds and equal in any order", where: where("n", "<=", int64(3), "n", ">=", int64(3), "color", "==", "red"), order: "n", want: "d"},
	{name: "an empty range", where: where("color", "==", "red", "n", ">", int64(3), "n", "<", int64(1)), order: "n", want: ""},
	{name: "descending, ties too", where: where("color", "==", "red"), order: "-n", want: "d é c b a"},
	{name: "descending between", where: where("color", "==", "red", "n", ">=", int64(1), "n", "<", int64(3)), order: "-n", want: "é c b a"},
	{name: "ends of int64", where: where("color", "==", "red", "n", ">", int64(math.MinInt64), "n", "<", int64(math.MaxInt64)), order: "n", want: "a b c é d"},
	{name: "strings order by bytes", order: "name", want: "e a b f c d"},
	{name: "strings from", where: where("name", ">=", "B", "name", "<", "C"), order: "name", want: "b f"},
	{name: "strings above the empty one", where: where("name", ">", ""), order: "name", want: "a b f c d"},
	{name: "times descending", order: "-at", want: "e f c b a"},
	{name: "times to the microsecond", where: where("at", ">", day(2)), order: "-at", want: "e f"},
	{name: "times in another zone", where: where("at", "<=", day(2).In(time.FixedZone("", -3600))), order: "-at", want: "c b a"},
	{name: "false before true", order: "flag", want: "b d a c e"},
	{name: "bool range", where: where("flag", ">", false), order: "flag", want: "a c e"},
	{name: "two orders", order: "color,-n", want: "f e d é c b a"},
	{name: "two orders, the other way", order: "-color,n", want: "a b c é d e f"},
	{name: "across accounts", where: where("color", "==", "red", "n", ">=", int64(2)), order: "n", across: true, want: "aaa:b b c é acme2:b zeta:b d"},
	{name: "across, equal only", where: where("flag", "==", true), across: true, want: "aaa:b a c e acme2:b zeta:b"},
	{name: "across, everything", across: true, want: "aaa:b a b c d e f g h i é acme2:b zeta:b"},
}

func (c queryCase) query() store.Query {
	q := store.Query{Kind: "things", Account: "acme", Where: c.where, Order: order(c.order), Limit: 100}
	if c.across {
		q.Account = ""
	}
	return q
}

var queryTests = []test{
	{"Match", func(i *instance) {
		i.fill()
		for _, c := range queryCases {
			p := i.query(c.query())
			if got := ids(p.Docs); got != c.want {
				i.Errorf("%s: got %q, want %q", c.name, got, c.want)
			}
			if p.Next != "" {
				i.Errorf("%s: a cursor after the last page", c.name)
			}
		}
	}},
	{"DocumentsAreWhole", func(i *instance) {
		expires := i.now().Add(time.Hour)
		i.commit(store.Create(store.Doc{Key: thing("a"), Schema: 2, Payload: []byte("A\x00"), Fields: store.Fields{"color": "red", "flag": false, "at": day(1)}, Expires: expires}))
		d := i.query(store.Query{Kind: "things", Account: "acme", Limit: 1}).Docs[0]
		if why := differ(i.one(thing("a")), d); why != "" || d.Rev == "" {
			i.Errorf("a query's document is not the one that Get reads: %s", why)
		}
	}},
	{"AccountsAreIsolated", func(i *instance) {
		i.fill()
		for account, want := range map[string]string{"acme2": "acme2:b", "zeta": "zeta:b", "acm": "", "acme%": "", "ACME": ""} {
			if got := ids(i.query(store.Query{Kind: "things", Account: account, Limit: 100}).Docs); got != want {
				i.Errorf("account %s: %q, want %q", account, got, want)
			}
		}
	}},
	{"FollowWrites", func(i *instance) {
		q := store.Query{Kind: "entries", Account: "acme", Limit: 100, Where: where("state", "==", "on")}
		check := func(what, want string) {
			i.Helper()
			if got := ids(i.query(q).Docs); got != want {
				i.Errorf("%s: %q, want %q", what, got, want)
			}
		}
		i.commit(store.Create(doc(entry("a"), "", store.Fields{"state": "on"})), store.Create(doc(entry("b"), "", store.Fields{"state": "on"})))
		check("created", "a b")
		i.commit(store.Set(doc(entry("a"), "", store.Fields{"state": "off"})))
		check("set to another value", "b")
		i.commit(store.Set(doc(entry("b"), "", nil)))
		check("set to none", "")
		i.commit(store.Set(doc(entry("a"), "", store.Fields{"state": "on"})))
		check("set back", "a")
		i.commit(store.Increment(entry("a"), map[string]int64{"n": 1}, time.Time{}))
		check("incremented", "a")
		i.commit(store.Delete(entry("a")))
		check("deleted", "")
	}},
	{"UndeclaredShapesAreRefused", func(i *instance) {
		for name, q := range map[string]store.Query{
			"equal":                      {Where: where("name", "==", "x")},
			"equal beside declared":      {Where: where("color", "==", "x", "name", "==", "x")},
			"order":                      {Order: order("m")},
			"order the other way":        {Order: order("-name")},
			"part of an order":           {Order: order("color")},
			"more than an order":         {Order: order("name,n")},
			"orders exchanged":           {Order: order("-n,color")},
			"range without order":        {Where: where("color", "==", "x", "n", ">", int64(1))},
			"range on another":           {Where: where("color", "==", "x", "m", ">", int64(1)), Order: order("m")},
			"range where none is":        {Where: where("color", ">", "x"), Order: order("color,-n")},
			"kind without shapes":        {Kind: "plain"},
			"equal and range on one":     {Where: where("color", "==", "x", "n", "==", int64(1), "n", ">", int64(1)), Order: order("n")},
			"equal twice":                {Where: where("color", "==", "x", "color", "==", "x")},
			"two lower bounds":           {Where: where("color", "==", "x", "n", ">", int64(1), "n", ">=", int64(1)), Order: order("n")},
			"two ranges":                 {Where: where("n", ">", int64(1), "name", ">", "x"), Order: order("n")},
			"undeclared field":           {Where: where("size", "==", int64(1))},
			"wrong type":                 {Where: where("color", "==", int64(1))},
			"no value":                   {Where: where("color", "==", nil)},
			"unknown comparison":         {Where: where("color", "!=", "x")},
			"no comparison":              {Where: where("color", "", "x")},
			"limit zero":                 {Limit: -1},
			"limit over":                 {Limit: store.MaxLimit + 1},
			"across, declared for one":   {Account: "-", Where: where("color", "==", "x")},
			"for one, declared across":   {Where: where("flag", "==", true)},
			"undeclared kind":            {Kind: "nothing"},
			"cursor that is none":        {After: "nonsense"},
			"cursor that is no base64":   {After: "%%%"},
			"cursor that is empty JSON":  {After: "W10"},
			"cursor that is other JSON":  {After: "e30"},
			"cursor that is a long text": {After: strings.Repeat("a", 1<<20)},
		} {
			if q.Kind == "" {
				q.Kind = "things"
			}
			switch q.Account {
			case "":
				q.Account = "acme"
			case "-":
				q.Account = ""
			}
			switch q.Limit {
			case 0:
				q.Limit = 10
			case -1:
				q.Limit = 0
			}
			_, err := i.Store.Query(i.ctx, q)
			i.is(err, store.ErrInvalid, "%s", name)
		}
	}},
}

var pageTests = []test{
	{"EveryLimitShowsTheSame", func(i *instance) {
		i.fill()
		for _, c := range queryCases {
			for _, limit := range []int{1, 2, 3, 5} {
				q := c.query()
				q.Limit = limit
				docs, pages := i.follow(q, nil)
				if got := ids(docs); got != c.want {
					i.Errorf("%s by %d: got %q, want %q", c.name, limit, got, c.want)
				}
				if want := max(1, (len(docs)+limit-1)/limit); pages != want {
					i.Errorf("%s by %d: %d pages of %d documents, want %d", c.name, limit, pages, len(docs), want)
				}
			}
		}
	}},
	// What is written while someone pages neither repeats nor hides what was there all the while.
	{"AreStableUnderWrites", func(i *instance) {
		for name, q := range map[string]store.Query{
			"by id":     {Kind: "things", Account: "acme"},
			"ascending": {Kind: "things", Account: "acme", Where: where("color", "==", "red"), Order: order("n")},
			"falling":   {Kind: "things", Account: "acme", Where: where("color", "==", "red"), Order: order("-n")},
			"mixed":     {Kind: "things", Account: "acme", Order: order("color,-n")},
		} {
			const stay = 12
			var writes []store.Write
			for n := range stay {
				writes = append(writes, store.Set(doc(thing(fmt.Sprintf("stay%02d", n)), "", store.Fields{"color": "red", "n": int64(n / 3)})),
					store.Set(doc(thing(fmt.Sprintf("go%02d", n)), "", store.Fields{"color": "red", "n": int64(n / 3)})))
			}
			i.commit(writes...)
			q.Limit = 5
			page := 0
			docs, _ := i.follow(q, func() {
				i.commit(store.Delete(thing(fmt.Sprintf("go%02d", page*2))), store.Delete(thing(fmt.Sprintf("go%02d", page*2+1))),
					store.Set(doc(thing(fmt.Sprintf("new%02d", page)), "", store.Fields{"color": "red", "n": int64(page)})),
					store.Set(doc(thing(fmt.Sprintf("a%02d", page)), "", store.Fields{"color": "red", "n": int64(3 - page)})))
				page++
			})
			seen := map[string]int{}
			for _, d := range docs {
				seen[d.Key.ID]++
			}
			for n := range stay {
				if id := fmt.Sprintf("stay%02d", n); seen[id] != 1 {
					i.Errorf("%s: %s was seen %d times", name, id, seen[id])
				}
			}
			for id, n := range seen {
				if n > 1 {
					i.Errorf("%s: %s was seen %d times", name, id, n)
				}
			}
		}
	}},
	{"CursorsBelongToTheirQuery", func(i *instance) {
		i.fill()
		q := store.Query{Kind: "things", Account: "acme", Where: where("color", "==", "red"), Order: order("n"), Limit: 1}
		next := i.query(q).Next
		for name, other := range map[string]store.Query{
			"another order":   {Kind: "things", Account: "acme", Where: where("color", "==", "red"), Order: order("-n")},
			"another form":    {Kind: "things", Account: "acme", Where: where("color", "==", "red")},
			"another kind":    {Kind: "entries", Account: "acme"},
			"another account": {Kind: "things", Account: "zeta", Where: where("color", "==", "red"), Order: order("n")},
			"across":          {Kind: "things", Where: where("color", "==", "red"), Order: order("n")},
		} {
			other.Limit, other.After = 1, next
			_, err := i.Store.Query(i.ctx, other)
			i.is(err, store.ErrInvalid, "the cursor of %s", name)
		}
		q.After = next[:len(next)-3]
		_, err := i.Store.Query(i.ctx, q)
		i.is(err, store.ErrInvalid, "a cut cursor")
	}},
	{"LargestPage", func(i *instance) {
		var writes []store.Write
		for n := range store.MaxLimit + 5 {
			writes = append(writes, store.Set(doc(entry(fmt.Sprintf("%04d", n)), "", nil)))
		}
		for chunk := range slices.Chunk(writes, store.MaxWrites) {
			i.commit(chunk...)
		}
		q := allEntries
		q.Limit = store.MaxLimit
		p := i.query(q)
		if len(p.Docs) != store.MaxLimit || p.Next == "" {
			i.Fatalf("%d documents, cursor %q", len(p.Docs), p.Next)
		}
		q.After = p.Next
		if p = i.query(q); len(p.Docs) != 5 || p.Next != "" || p.Docs[0].Key.ID != "1000" {
			i.Errorf("the rest: %s, cursor %q", ids(p.Docs), p.Next)
		}
	}},
}

// follow reads all pages of q, calling between where there is another.
func (i *instance) follow(q store.Query, between func()) (docs []store.Doc, pages int) {
	i.Helper()
	for {
		p := i.query(q)
		pages++
		docs = append(docs, p.Docs...)
		if p.Next == "" {
			return docs, pages
		}
		if len(p.Docs) != q.Limit {
			i.Fatalf("a page of %d with a cursor, the limit is %d", len(p.Docs), q.Limit)
		}
		if q.After = p.Next; between != nil {
			between()
		}
		if pages > 1000 {
			i.Fatal("pages without end")
		}
	}
}

var aggregateTests = []test{
	{"Count", func(i *instance) {
		i.fill()
		for _, c := range queryCases {
			q := c.query()
			want := len(strings.Fields(c.want))
			bounded := slices.ContainsFunc(c.where, func(w store.Where) bool { return w.Cmp != store.Eq })
			if c.order != "" && !bounded {
				continue // order is ignored, so that its fields hide nothing; see below
			}
			q.Limit, q.After = 0, "ignored"
			n, err := i.Store.Count(i.ctx, q)
			if err != nil || n != int64(want) {
				i.Errorf("%s: %d, %v, want %d", c.name, n, err, want)
			}
		}
		n, err := i.Store.Count(i.ctx, store.Query{Kind: "things", Account: "acme", Where: where("color", "==", "red"), Order: order("n")})
		if err != nil || n != 6 {
			i.Errorf("ordered: %d, %v, want 6", n, err)
		}
	}},
	{"Sum", func(i *instance) {
		i.fill()
		for name, c := range map[string]struct {
			q     store.Query
			field string
			want  int64
		}{
			"equal":         {store.Query{Kind: "things", Account: "acme", Where: where("color", "==", "red")}, "n", 10},
			"negative":      {store.Query{Kind: "things", Account: "acme", Where: where("color", "==", "blue")}, "n", 1},
			"range":         {store.Query{Kind: "things", Account: "acme", Where: where("color", "==", "red", "n", ">=", int64(2)), Order: order("n")}, "n", 9},
			"nowhere there": {store.Query{Kind: "things", Account: "acme", Where: where("color", "==", "red")}, "m", 0},
			"no documents":  {store.Query{Kind: "things", Account: "acme", Where: where("color", "==", "green")}, "n", 0},
			"across":        {store.Query{Kind: "things", Where: where("color", "==", "red", "n", ">=", int64(0))}, "n", 16},
			"all":           {store.Query{Kind: "entries", Account: "acme"}, "n", 2},
		} {
			c.q.After = "ignored"
			n, err := i.Store.Sum(i.ctx, c.q, c.field)
			if err != nil || n != c.want {
				i.Errorf("%s: %d, %v, want %d", name, n, err, c.want)
			}
		}
	}},
	{"SumIsExact", func(i *instance) {
		const large = int64(1) << 60
		i.commit(store.Create(doc(entry("a"), "", store.Fields{"n": large + 1})), store.Create(doc(entry("b"), "", store.Fields{"n": int64(2)})),
			store.Create(doc(entry("c"), "", store.Fields{"n": -large})))
		n, err := i.Store.Sum(i.ctx, store.Query{Kind: "entries", Account: "acme"}, "n")
		if err != nil || n != 3 {
			i.Errorf("%d, %v, want 3", n, err)
		}
		i.commit(store.Set(doc(entry("b"), "", store.Fields{"n": int64(math.MaxInt64)})), store.Delete(entry("c")))
		_, err = i.Store.Sum(i.ctx, store.Query{Kind: "entries", Account: "acme"}, "n")
		i.is(err, store.ErrTooLarge, "a sum outside of int64")
	}},
	{"UndeclaredAreRefused", func(i *instance) {
		q := store.Query{Kind: "things", Account: "acme"}
		_, err := i.Store.Count(i.ctx, store.Query{Kind: "things", Account: "acme", Where: where("name", "==", "x")})
		i.is(err, store.ErrInvalid, "count")
		_, err = i.Store.Count(i.ctx, store.Query{Kind: "plain", Account: "acme"})
		i.is(err, store.ErrInvalid, "count of a kind without shapes")
		for _, f := range []string{"", "n", "color", "size"} { // things declares no sum over everything
			_, err = i.Store.Sum(i.ctx, q, f)
			i.is(err, store.ErrInvalid, "sum of %q", f)
		}
		_, err = i.Store.Sum(i.ctx, store.Query{Kind: "entries", Account: "acme"}, "m")
		i.is(err, store.ErrInvalid, "sum of an int that is not declared to be summed")
		_, err = i.Store.Sum(i.ctx, store.Query{Kind: "entries", Account: "acme"}, "state")
		i.is(err, store.ErrInvalid, "sum of a string")
	}},
}
