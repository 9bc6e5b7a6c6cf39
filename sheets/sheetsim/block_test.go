package sheetsim

import "testing"

// TestRowsOfABlockAreApart: decoded rows share memory, but changing one must not show in another, whatever columns were
// deleted or are still empty.
func TestRowsOfABlockAreApart(t *testing.T) {
	b := &block{}
	for i := range 4 {
		r := &row{}
		for c := i % 2; c < 3; c++ {
			*r.edit(c) = cell{value: number(float64(10*i + c))}
		}
		b.rows = append(b.rows, r)
	}
	data := b.encode([]uint32{0, 1, 2}, func(uint32) {})
	for _, pos := range [][]int32{{0, 1, 2}, {-1, 0, 1}, {0, -1, 1}, {2, 1, 0}, {5, -1, 3}} {
		got, err := decodeBlock(data, pos)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range got.rows {
			for c := range 8 {
				want := value{}
				for id, p := range pos {
					if int(p) == c && id >= i%2 {
						want = number(float64(10*i + id))
					}
				}
				if v := r.at(c).value; v != want {
					t.Fatalf("columns at %v: row %d column %d is %+v, want %+v", pos, i, c, v, want)
				}
			}
			// Changing a row that was looked at must leave those that follow.
			for c := range 8 {
				r.edit(c).value = text("changed")
			}
		}
	}
}
