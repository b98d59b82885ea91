//! What a stranger is told to run is what CI runs.

const CI: &str = include_str!("../../../.ci/run");
const README: &str = include_str!("../../../README.md");
const JUSTFILE: &str = include_str!("../../../justfile");

#[test]
fn ci_runs_the_test_command_of_the_readme_and_then_the_servers() {
    let block = README.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let commands: Vec<&str> = block.lines().map(|line| line.split('#').next().unwrap().trim()).collect();
    assert!(commands.iter().all(|command| command.starts_with("cargo ")), "{commands:?}");
    assert_eq!(commands.last(), Some(&"cargo test --workspace"));
    let ci = ci_commands();
    let last: Vec<_> = ci[ci.len() - 2..].to_vec();
    assert_eq!(last, ["cargo test --workspace", ".ci/servers/run"], "the embedded core comes first");
}

#[test]
fn the_justfile_has_every_command_of_ci() {
    let recipes: Vec<&str> = JUSTFILE.lines().map(str::trim).collect();
    for command in ci_commands().iter().filter(|command| !command.starts_with("rustc")) {
        assert!(recipes.contains(command), "{command} is missing in the justfile");
    }
}

fn ci_commands() -> Vec<&'static str> {
    let commands = CI.lines().filter_map(|line| line.strip_prefix("run "));
    commands.map(|command| command.strip_prefix("env ").unwrap_or(command)).collect()
}
