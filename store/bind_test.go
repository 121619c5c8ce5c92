package store

import "testing"

func TestArgumentsLoseTheirNamesOnlyWhereTheyStandInOrder(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		`INSERT INTO a VALUES ($1,$2),($3,$4)`: `INSERT INTO a VALUES (?,?),(?,?)`,
		`UPDATE a SET b = $2 WHERE c = $1`:     "",
		`SELECT $1, $1, $2, $3`:                "",
		`SELECT '$', $1, $2, $3, $4`:           "",
		`SELECT $1, $2, $3`:                    "",
		`SELECT $1, $2, $3, $4, $5`:            "",
		`SELECT $1, $2, $3, $4`:                `SELECT ?, ?, ?, ?`,
	} {
		if got, ok := unnamed(query, 4); got != want && ok || ok != (want != "") {
			t.Errorf("%s became %q, %v", query, got, ok)
		}
	}
}
