// SPDX-License-Identifier: Apache-2.0

// Package suggest finds the name that somebody meant who misspelled it.
package suggest

import "strings"

// Closest returns the known name that is closest to the misspelled one, or "" if
// none is close. Upper and lower case are equal. A name is close if at most two
// letters are missing, added, changed or swapped, and fewer than half of them.
func Closest(misspelled string, known []string) string {
	closest, least := "", min(3, (len(misspelled)+1)/2)
	for _, name := range known {
		if d := distance(strings.ToLower(misspelled), strings.ToLower(name), least); d < least {
			closest, least = name, d
		}
	}
	return closest
}

// distance returns the number of letters to insert, remove, change, or swap with
// the next one, to make b of a (the optimal string alignment distance). It returns
// enough for any distance that is not smaller.
func distance(a, b string, enough int) int {
	if len(a)-len(b) >= enough || len(b)-len(a) >= enough {
		return enough
	}
	// rows[i%3][j] is the distance of a[:i] and b[:j]. A swap looks back two rows.
	var rows [3][]int
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		row, above, aboveThat := rows[i%3], rows[(i+2)%3], rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], aboveThat[j-2]+1)
			}
		}
	}
	return rows[len(a)%3][len(b)]
}
