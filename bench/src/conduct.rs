//! Conducts a run: for each round and group a process on each engine in turn, so that a slow minute of the machine hits all.

use std::path::Path;
use std::process::{Command, Stdio};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::Run;
use crate::engine::Result;
use crate::limits;
use crate::report::{Measured, Results};
use crate::work::{Group, Job, Report};

/// Bytes of cache for each row when none are given: more than a row with its index entries takes in any engine.
const CACHE_PER_ROW: u64 = 768;
const LEAST_CACHE: u64 = 64 << 20;

/// Measures everything that was asked for.
pub fn run(options: &Run, known: &[&str]) -> Result<Results> {
    let engines = engines(options, known)?;
    let groups = groups(options);
    let cache_size = match options.cache {
        Some(mib) => mib << 20,
        None => usize::try_from((options.rows * CACHE_PER_ROW).max(LEAST_CACHE))?,
    };
    let place = match &options.dir {
        Some(dir) => {
            std::fs::create_dir_all(dir)?;
            tempfile::tempdir_in(dir)?
        }
        None => tempfile::tempdir()?,
    };
    let bar = ProgressBar::new(u64::from(options.rounds) * (groups.len() * engines.len()) as u64);
    bar.set_style(ProgressStyle::with_template(
        "{elapsed_precise} {bar:30} {pos}/{len} {msg}, about {eta} left",
    )?);
    bar.set_message("limits of the machine");
    bar.enable_steady_tick(std::time::Duration::from_millis(500));
    let mut results = Results {
        rows: options.rows,
        rounds: options.rounds,
        seconds: options.seconds,
        cache_size,
        note: options.note.clone(),
        limits: limits::measure(place.path())?,
        engines: engines.clone(),
        figures: Vec::new(),
        failures: Vec::new(),
    };
    for round in 0..options.rounds {
        for &group in &groups {
            for turn in 0..engines.len() {
                // Each round begins with another engine.
                let engine = &engines[(turn + round as usize) % engines.len()];
                bar.set_message(format!("round {}: {} on {engine}", round + 1, group.name()));
                let job = Job {
                    group,
                    dir: place.path().join(engine),
                    rows: options.rows,
                    seconds: options.seconds,
                    cache_size,
                    seed: u64::from(round) + 1,
                    engine: engine.clone(),
                };
                match measure(&job) {
                    Ok(report) => {
                        results.figures.push(Measured {
                            round,
                            engine: engine.clone(),
                            figures: report.figures,
                        });
                    }
                    Err(error) => results.failures.push(format!("{engine}, {}: {error}", group.name())),
                }
                bar.inc(1);
            }
        }
        for engine in &engines {
            remove(&place.path().join(engine))?;
        }
    }
    bar.finish_and_clear();
    Ok(results)
}

fn engines(options: &Run, known: &[&str]) -> Result<Vec<String>> {
    if let Some(unknown) = options.engines.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(format!(
            "there is no engine `{unknown}` in this build, but {}; more come with `--features peers`",
            known.join(", ")
        )
        .into());
    }
    if options.engines.is_empty() {
        return Ok(known.iter().map(|&name| name.to_owned()).collect());
    }
    Ok(options.engines.clone())
}

/// The groups that were asked for, in their order, and `load` when one of them needs it.
fn groups(options: &Run) -> Vec<Group> {
    let wanted = |group: Group| {
        options.groups.is_empty()
            || options.groups.contains(&group)
            || group == Group::Load && options.groups.iter().any(|wanted| wanted.needs_load())
    };
    Group::ALL.into_iter().filter(|&group| wanted(group)).collect()
}

fn measure(job: &Job) -> Result<Report> {
    std::fs::create_dir_all(&job.dir)?;
    let output = Command::new(std::env::current_exe()?)
        .args(job.arguments(job.group))
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}: {}", output.status, said.trim()).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn remove(dir: &Path) -> Result<()> {
    if dir.exists() {
        std::fs::remove_dir_all(dir)?;
    }
    Ok(())
}
