package policy

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
)

// Facts are what a rule's condition sees. The field names in CEL are the cel tags.
type Facts struct {
	Findings   []*Finding   // of the rule's kinds; only open ones
	Components []*Component // of the counted SBOMs
	Evidence   []*Evidence  // that counts: valid, bound and fresh
	Offered    []*Evidence  // everything that was collected
	Release    *Release
}

// Finding is a merged finding.
type Finding struct {
	Rule      string   `cel:"rule"`
	Kind      string   `cel:"kind"` // kind of evidence: sast, sca, secrets …
	Severity  string   `cel:"severity"`
	IDs       []string `cel:"ids"`
	CWE       []string `cel:"cwe"`
	Component string   `cel:"component"`
	Path      string   `cel:"path"`
	FixKnown  bool     `cel:"fix_known"`
	KEV       bool     `cel:"kev"`
	EPSS      float64  `cel:"epss"`
	Overdue   bool     `cel:"overdue"`
}

// Component is a component of a counted SBOM.
type Component struct {
	Name     string   `cel:"name"`
	Version  string   `cel:"version"`
	PURL     string   `cel:"purl"`
	Type     string   `cel:"type"`
	Supplier string   `cel:"supplier"`
	Licenses []string `cel:"licenses"`
}

// Evidence is a file.
type Evidence struct {
	ID          string   `cel:"id"`
	Format      string   `cel:"format"`
	Tool        string   `cel:"tool"` // the registry's id, "" if unknown
	ToolVersion string   `cel:"tool_version"`
	Kinds       []string `cel:"kinds"`
	SHA256      string   `cel:"sha256"`
	Whole       bool     `cel:"whole"`
	Bound       string   `cel:"bound"`
	Status      string   `cel:"status"`
	Findings    int64    `cel:"findings"`
	Components  int64    `cel:"components"`
}

// Release is what the release's record says.
type Release struct {
	Commit    string      `cel:"commit"`
	Artifacts []*Artifact `cel:"artifacts"`
}

// Artifact is something that the release delivers.
type Artifact struct {
	Name   string `cel:"name"`
	Digest string `cel:"digest"`
	PURL   string `cel:"purl"`
}

// costLimit bounds one evaluation; a comprehension over 100,000 findings with a
// few comparisons each stays well below it.
const costLimit = 50_000_000

type environment struct{ env *cel.Env }

type program struct{ p cel.Program }

func newEnv() (*environment, error) {
	object := func(v any) *cel.Type { return cel.ObjectType("policy." + reflect.TypeOf(v).Name()) }
	env, err := cel.NewEnv(
		ext.NativeTypes(ext.ParseStructTags(true),
			reflect.TypeFor[Finding](), reflect.TypeFor[Component](), reflect.TypeFor[Evidence](),
			reflect.TypeFor[Release](), reflect.TypeFor[Artifact]()),
		ext.Strings(), ext.Sets(), ext.Lists(),
		cel.Variable("findings", cel.ListType(object(Finding{}))),
		cel.Variable("components", cel.ListType(object(Component{}))),
		cel.Variable("evidence", cel.ListType(object(Evidence{}))),
		cel.Variable("offered", cel.ListType(object(Evidence{}))),
		cel.Variable("release", object(Release{})),
		cel.Function("at_least", cel.MemberOverload("string_at_least_string",
			[]*cel.Type{cel.StringType, cel.StringType}, cel.BoolType, cel.BinaryBinding(atLeast))),
	)
	if err != nil {
		return nil, fmt.Errorf("rule language: %w", err)
	}
	return &environment{env}, nil
}

// severityRank orders severities. Unknown counts as medium: a finding that
// nobody rated is neither harmless nor a reason to stop every release.
var severityRank = map[string]int{"critical": 4, "high": 3, "medium": 2, "unknown": 2, "low": 1, "info": 0}

func atLeast(a, b ref.Val) ref.Val {
	x, okX := severityRank[fmt.Sprint(a.Value())]
	y, okY := severityRank[fmt.Sprint(b.Value())]
	if !okX || !okY {
		return types.NewErr("at_least: %v or %v is not a severity", a.Value(), b.Value())
	}
	return types.Bool(x >= y)
}

// AtLeast reports whether severity a is at least as bad as b.
func AtLeast(a, b string) bool { return severityRank[a] >= severityRank[b] }

func (e *environment) compile(src string) (*program, error) {
	if src == "" {
		return nil, errors.New("is empty")
	}
	ast, iss := e.env.Compile(src)
	if err := iss.Err(); err != nil {
		return nil, err
	}
	if ast.OutputType() != cel.BoolType {
		return nil, fmt.Errorf("is a %s, not true or false", ast.OutputType())
	}
	p, err := e.env.Program(ast, cel.CostLimit(costLimit), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, err
	}
	return &program{p}, nil
}

// Holds evaluates the rule's condition. An error means that the condition could
// not be decided; it is never a pass.
func (r *Rule) Holds(f *Facts) (bool, error) {
	if r.program == nil {
		return false, fmt.Errorf("rule %s has no condition", r.ID)
	}
	v, _, err := r.program.p.Eval(map[string]any{
		"findings": f.Findings, "components": f.Components, "evidence": f.Evidence, "offered": f.Offered, "release": f.Release,
	})
	if err != nil {
		return false, fmt.Errorf("rule %s: %w", r.ID, err)
	}
	ok, isBool := v.Value().(bool)
	if !isBool {
		return false, fmt.Errorf("rule %s: the condition gave no answer", r.ID)
	}
	return ok, nil
}

// Days is a duration in whole days, for sentences.
func Days(d time.Duration) int { return int(d / (24 * time.Hour)) }
