"""What is said is what happens."""

from __future__ import annotations

from ..conftest import Cli, Emulator, Project, anthropic, external, serving


def test_traffic_of_a_served_entity_goes_with_it(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    both = serving(external(), anthropic(), gpt=50, claude=50)
    project.endpoint("e", both)
    cli.apply()
    project.endpoint("e", serving(external()))
    run = cli("plan", "-e", "dev", expect=0)
    assert "left as it is" not in run.out
    changes = cli.plan().changes("e")
    routes = {path: change for path, change in changes.items() if "routes" in path}
    assert {path: (one["before"], one["after"]) for path, one in routes.items()} == {
        "config.traffic_config.routes[gpt].traffic_percentage": (50, 100),
        "config.traffic_config.routes[claude].traffic_percentage": (50, None),
    }
    assert {(one["reason"], one["cause"]) for one in routes.values()} == {
        ("follows_entities", "spec")
    }
    cli.apply()
    [route] = emulator.endpoint("e")["config"]["traffic_config"]["routes"]
    assert (route["served_entity_name"], route["traffic_percentage"]) == ("gpt", 100)
    assert cli.settled()


def test_traffic_that_nobody_remembers_goes_along_too(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.environment(record=".record.json")
    project.endpoint("e", serving(external(), anthropic(), gpt=50, claude=50))
    cli.apply()
    (project.root / ".record.json").unlink()
    project.endpoint("e", serving(external(name="other")))
    run = cli("plan", "-e", "dev", expect=0)
    assert "goes with the served entities" in run.out
    cli.apply()
    [route] = emulator.endpoint("e")["config"]["traffic_config"]["routes"]
    assert (route["served_entity_name"], route["traffic_percentage"]) == ("other", 100)
    assert cli.settled()
