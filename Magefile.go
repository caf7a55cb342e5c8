//go:build mage

// Builds the backend for every platform that Grafana runs on: `go tool mage -v build:linux build:linuxARM64 build:darwin …`.
// The backend belongs to the data source inside the app, so that its plugin.json and its folder are named here.
package main

import (
	"github.com/grafana/grafana-plugin-sdk-go/build"
	// mage:import
	_ "github.com/grafana/grafana-plugin-sdk-go/build"
)

// Default is what mage does when it is told nothing.
var Default = build.BuildAll

func init() {
	if err := build.SetBeforeBuildCallback(func(cfg build.Config) (build.Config, error) {
		cfg.PluginJSONPath = "src/datasource"
		cfg.OutputBinaryPath = "dist/datasource"
		return cfg, nil
	}); err != nil {
		panic(err)
	}
}
