"""fit --apply: harden gets the connection of fit, secrets included, which no printed command has."""

import argparse
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kubectl_caps.cli.parser import parse
from kubectl_caps.commands.fit import command
from kubectl_caps.commands.fit.workload import WorkloadFit
from kubectl_caps.core.fit.answer import AnswerContext
from kubectl_caps.core.fit.result import FitResult
from kubectl_caps.core.kubernetes.kinds import WORKLOADS
from kubectl_caps.core.kubernetes.workloads import read_workloads

DEPLOYMENT = next(kind for kind in WORKLOADS if kind.kind == "Deployment")


def test_apply_uses_the_connection_of_fit_and_prints_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    got: list[argparse.Namespace] = []
    monkeypatch.setattr("kubectl_caps.commands.harden.command.main", got.append)
    template: dict[str, Any] = {"spec": {"containers": [{"name": "c"}]}}
    obj = {"metadata": {"name": "web"}, "spec": {"selector": {}, "template": template}}
    result = FitResult(next(iter(read_workloads(DEPLOYMENT, obj, {}))), needed={"c": ("CHOWN",)}, commands=("x",))
    context = AnswerContext("kubectl caps", "deployment.apps/web -n shop --token TOKEN", ["c"])
    fit = SimpleNamespace(result=result, workload=result.workload, context=context, spec=result.workload.template.spec)
    words = ["fit", "deploy/web", "--token", "s3cret", "--kind", "x.io/Fleet=spec.template", "--as-group", "g"]
    command._apply(cast("WorkloadFit", fit), parse(words))
    (options,) = got
    assert (options.token, options.kinds, options.as_groups) == ("s3cret", ["x.io/Fleet=spec.template"], ["g"])
    assert options.namespace == "shop"
    assert "s3cret" not in capsys.readouterr().err
