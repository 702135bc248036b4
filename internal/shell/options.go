// SPDX-License-Identifier: Apache-2.0

package shell

import "strings"

// set reads the options and arguments of set. Where only a run could tell them, failures are
// taken to be ignored and the arguments are not known.
func (w *walker) set(words []value, s state) {
	rest, replaced := w.options(words, s.Maybe)
	switch {
	case replaced && s.Maybe:
		w.args = nil
	case replaced:
		w.args = rest
	}
}

// options reads -e, -o NAME and their likes, and returns the arguments after them; replaced
// reports whether these take the place of the script's. Options that may not be read only ever
// turn errexit off.
func (w *walker) options(words []value, maybe bool) (rest []value, replaced bool) {
	for i := 0; i < len(words); i++ {
		word := words[i]
		if !word.plain() {
			w.errexit = false
			return nil, true
		}
		on := strings.HasPrefix(word.text, "-")
		switch {
		case word.text == "--":
			return words[i+1:], true
		case word.text == "-", word.text == "+":
			return words[i+1:], len(words) > i+1
		case !on && !strings.HasPrefix(word.text, "+"):
			return words[i:], true
		case strings.HasSuffix(word.text, "o") && i+1 < len(words):
			i++ // the name of an option
			w.errexitBy(on, maybe, !words[i].plain() && !on || words[i].text == "errexit")
		}
		w.errexitBy(on, maybe, strings.Contains(word.text, "e"))
	}
	return nil, false
}

func (w *walker) errexitBy(on, maybe, is bool) {
	if is && (!on || !maybe) {
		w.errexit = on
	}
}

// known returns words as values.
func known(words []string) []value {
	values := make([]value, len(words))
	for i, word := range words {
		values[i] = value{text: word, known: true}
	}
	return values
}
