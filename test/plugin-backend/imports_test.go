package backend_test

import (
	"go/parser"
	gotoken "go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Grafana's plugin validator refuses backends that read the environment or files, start programs or call the system.
func TestTheBackendTouchesNeitherFilesNorEnvironment(t *testing.T) {
	forbidden := []string{"os", "os/exec", "io/ioutil", "syscall", "unsafe", "plugin", "embed", "path/filepath", "golang.org/x/sys/unix"}
	seen := 0
	err := filepath.WalkDir(filepath.Join(repositoryRoot(), "pkg"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		seen++
		file, err := parser.ParseFile(gotoken.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, each := range file.Imports {
			name := strings.Trim(each.Path.Value, `"`)
			// main.go needs os.Exit, as every plugin's does.
			if slices.Contains(forbidden, name) && !(name == "os" && filepath.Base(path) == "main.go") {
				t.Errorf("%s imports %s", path, name)
			}
		}
		return nil
	})
	if err != nil || seen < 10 {
		t.Errorf("%v after %d files", err, seen)
	}
}
