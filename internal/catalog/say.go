package catalog

import (
	"fmt"
	"strings"

	"dossier/internal/strict"
)

// messages loads the sentences of which reasons are made: data/messages holds
// one file for each language, with the same codes and the same {places}.
func (l *loader) messages() {
	l.cat.messages = map[string]map[string]string{}
	for _, lang := range l.cat.Languages {
		m := map[string]string{}
		name := "data/messages/" + lang + ".toml"
		if f := l.decode(name, &m); f != nil {
			l.cat.messages[lang] = m
		}
	}
	base := l.cat.messages["en"]
	for lang, m := range l.cat.messages {
		name := "data/messages/" + lang + ".toml"
		for code := range base {
			if m[code] == "" {
				l.fail(&strict.Error{File: name, Cause: fmt.Sprintf("message %q is missing", code), Remedy: "data/messages/en.toml has it"})
			}
		}
		for code := range m {
			if base[code] == "" {
				l.fail(&strict.Error{File: name, Cause: fmt.Sprintf("message %q is not in data/messages/en.toml", code), Remedy: strict.DidYouMean(code, keys(base))})
			}
		}
	}
}

// Say makes a text of a message: args are names and values in turn, put in
// where the message has {name}. A value for one language alone has the
// language behind its name: "kinds_es". Where the argument "n" is 1, the
// message with ".one" behind its code is used if there is one.
func (c *Catalog) Say(code string, args ...string) Text {
	out := Text{}
	for _, lang := range c.Languages {
		m := c.messages[lang]
		tmpl, ok := m[code]
		if !ok {
			tmpl = code // a test keeps this from happening: every code is in every file
		}
		var pairs []string
		for i := 0; i+1 < len(args); i += 2 {
			if args[i] == "n" && args[i+1] == "1" && m[code+".one"] != "" {
				tmpl = m[code+".one"]
			}
			if own, ok := strings.CutSuffix(args[i], "_"+lang); ok {
				pairs = append([]string{"{" + own + "}", args[i+1]}, pairs...)
			} else {
				pairs = append(pairs, "{"+args[i]+"}", args[i+1])
			}
		}
		out[lang] = strings.NewReplacer(pairs...).Replace(tmpl)
	}
	return out
}
