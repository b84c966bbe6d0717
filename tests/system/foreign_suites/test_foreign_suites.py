# SPDX-License-Identifier: MIT OR Apache-2.0
"""The module does not change the results of other projects' tests, compared test by test.

Each suite runs with the default provider alone and with the module in three configurations. `make check-long` runs
this. The output of the suites is in target/foreign-suites/*.log.
"""

import os
from functools import partial
from pathlib import Path

import pytest

from harness import openssl_cnf
from harness.paths import TARGET
from harness.pki import Authority
from harness.toolchain import succeed
from harness.unavailable import Unavailable

from runs import Run, Runner
from suites import SUITES

# Tests whose result may change although the module does what it should: each asserts what a server does with a client
# that has no certificate. With a list that is sent, the client has one, which the server does not trust; if the files
# are missing, the client aborts the handshake.
WITHOUT_A_CERTIFICATE = {
    "CPython": {
        "test.test_ssl.TestPostHandshakeAuth.test_pha_optional_nocert",
        "test.test_ssl.TestPostHandshakeAuth.test_pha_required_nocert",
    },
    "Ruby": {"OpenSSL::TestSSL#test_verify_mode_client_cert_required"},
}
WITHOUT_MODULE = "without the module"
SUITS_NO_SERVER, SENT, MISSING = "a list that suits no server", "a list that is sent", "a list of missing files"
CONFIGURATIONS = {
    SUITS_NO_SERVER: {},
    SENT: {"empty_ca_list": "accept"},
    MISSING: {"sslcert": "/nonexistent/anna.crt", "sslkey": "/nonexistent/anna.key"},
}
# What the explanations of a configuration contain if the module acted.
ACTED = {
    SUITS_NO_SERVER: "The server requested a client certificate",
    SENT: "certpick sent credential",
    MISSING: 'could not read certificate file "/nonexistent/anna.crt"',
}
RERUNS = 2


@pytest.fixture(scope="session")
def configure(scratch) -> dict:
    """Functions that write an openssl.cnf, by the name of the configuration."""
    directory = scratch / "elsewhere"
    authority = Authority(directory, "authority")
    clients = [authority.issue(name, below=directory) for name in ("anna", "bert")]
    listed = {
        "sslcert": ",".join(str(client.certificate) for client in clients),
        "sslkey": ",".join(str(client.key) for client in clients),
        "explain": "always",
    }

    def module(settings: dict, path: Path, explanations: Path) -> Path:
        return openssl_cnf.write(path, {**listed, **settings, "explain_file": explanations})

    functions = {name: partial(module, settings) for name, settings in CONFIGURATIONS.items()}
    functions[WITHOUT_MODULE] = lambda path, _: openssl_cnf.write_without(path)
    return functions


@pytest.fixture(scope="session")
def runner(scratch):
    running = Runner(scratch)
    yield running
    running.close()


@pytest.fixture(scope="session")
def runs(runner, configure) -> dict:
    """Starts all runs. Maps (suite, configuration) to a future, or a suite to the reason why it is skipped."""
    started: dict = {}
    (TARGET / "foreign-suites").mkdir(exist_ok=True)
    for suite in SUITES:
        try:
            suite.fetch()
        except Unavailable as reason:
            started[suite.name] = reason
            continue
        for name in (WITHOUT_MODULE, *CONFIGURATIONS):
            started[suite.name, name] = runner.start(suite, configure[name])
    return started


@pytest.fixture
def finished(suite, configuration, runs) -> tuple:
    """Returns the runs of a suite without the module and with it."""
    if suite.name in runs:
        raise runs[suite.name]
    return runs[suite.name, WITHOUT_MODULE].result(), runs[suite.name, configuration].result()


def differing(without: Run, with_module: Run) -> set:
    units = {*without.results, *with_module.results}
    return {unit for unit in units if without.results.get(unit) != with_module.results.get(unit)}


def reruns(runner, configure, suite, units: set, configuration: str) -> dict:
    """Runs these units alone, RERUNS times. Returns the results of each."""
    started = [runner.start(suite, configure[configuration], tuple(sorted(units))) for _ in range(RERUNS)]
    results = [future.result().results for future in started]
    return {unit: [result.get(unit) for result in results] for unit in units}


def changed(runner, configure, suite, configuration: str, without: Run, with_module: Run) -> dict:
    """Returns the units that the module changes, with their results without it and with it.

    Some tests of these suites depend on time or measure memory. A unit that differs is run again, alone, with the
    module and without. It counts only if no result with the module was seen without it.
    """
    units = differing(without, with_module)
    if not units:
        return {}
    without_again = reruns(runner, configure, suite, units, WITHOUT_MODULE)
    with_again = reruns(runner, configure, suite, units, configuration)
    found = {}
    for unit in units:
        all_without = [without.results.get(unit), *without_again[unit]]
        all_with = [with_module.results.get(unit), *with_again[unit]]
        if not any(result in all_without for result in all_with):
            found[unit] = (all_without[0], all_with[0])
    return found


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_the_module_does_not_change_the_result_of_a_test(suite, configuration, finished, runner, configure, capsys):
    without, with_module = finished
    found = changed(runner, configure, suite, configuration, without, with_module)
    for name, run in ((WITHOUT_MODULE, without), (configuration, with_module)):
        (TARGET / "foreign-suites" / f"{suite.name}, {name}.log").write_text(run.log)
    acted = with_module.explanations.count(ACTED[configuration])
    with capsys.disabled():
        print(f"\n{suite.name}, {WITHOUT_MODULE}: {without.count()}")
        print(f"with {configuration}: {with_module.count()}; the module acted {acted} times", flush=True)
    expected = set() if configuration == SUITS_NO_SERVER else WITHOUT_A_CERTIFICATE.get(suite.name, set())
    assert set(found) <= expected, str(found)
    assert any(result == "passed" for tests in without.results.values() for _, result in tests)
    assert (acted > 0) == suite.requests
    if configuration == SUITS_NO_SERVER:
        assert ACTED[SENT] not in with_module.explanations


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_the_suite_runs_with_the_module_loaded(suite, runs, configure, tmp_path):
    if suite.name in runs:
        raise runs[suite.name]
    configuration = configure[SUITS_NO_SERVER](tmp_path / "openssl.cnf", tmp_path / "explanations")
    assert "libcertpick.so" in succeed(suite.maps, env={**os.environ, "OPENSSL_CONF": str(configuration)})
