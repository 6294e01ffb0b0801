//go:build tools

// Package krew says which krew a release is checked with: `make dist-check` builds these two programs.
package krew

import (
	_ "sigs.k8s.io/krew/cmd/krew"
	_ "sigs.k8s.io/krew/cmd/validate-krew-manifest"
)
