//! `shell`: commands one after the other, with the database open.
//!
//! At a terminal lines are edited, completed and remembered; otherwise they are read as they come.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Parser;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor};

use super::complete::LineCompleter;
use super::run_in;
use crate::args::{Args, Command};
use crate::failure::{Failure, Outcome};
use crate::output::stdout;
use crate::session::Session;

/// The lines that are remembered.
const HISTORY_SIZE: usize = 1000;

/// Reads commands from the standard input until it ends, or says `exit`.
///
/// A failure ends it, except at a terminal, where it is told and the next command is read.
pub(super) fn shell(session: &Session) -> Outcome {
    session.follower()?;
    if io::stdin().is_terminal() {
        return shell_at_terminal(session);
    }
    let mut line = String::new();
    loop {
        line.clear();
        let read = io::stdin().read_line(&mut line);
        if read.map_err(|error| unread(&error))? == 0 {
            return Ok(());
        }
        if run_line(session, &line)? == Next::Exit {
            return Ok(());
        }
    }
}

fn shell_at_terminal(session: &Session) -> Outcome {
    let config = Config::builder().history_ignore_space(true).max_history_size(HISTORY_SIZE);
    let config = config.map_err(|error| unread(&error))?.completion_type(CompletionType::List).build();
    let mut editor: Editor<LineCompleter<'_>, FileHistory> =
        Editor::with_config(config).map_err(|error| unread(&error))?;
    editor.set_helper(Some(LineCompleter::new(session)));
    let history = history_path();
    if let Some(path) = &history {
        // There is none at first.
        let _ = editor.load_history(path);
    }
    let ended = loop {
        match editor.readline("walnut> ") {
            Ok(line) => {
                // A line that cannot be remembered is run all the same.
                let _ = editor.add_history_entry(line.as_str());
                match run_line(session, &line) {
                    Ok(Next::Line) => {}
                    Ok(Next::Exit) => break Ok(()),
                    Err(Failure::PipeClosed) => break Err(Failure::PipeClosed),
                    Err(failure) => writeln!(io::stderr(), "walnut: {failure}")?,
                }
            }
            // The line is given up, as in other shells.
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break Ok(()),
            Err(error) => break Err(unread(&error)),
        }
    };
    if let Some(path) = &history {
        // A home that cannot be written has no history.
        let _ = editor.save_history(path);
    }
    ended
}

/// Where lines are remembered, readable by the user alone.
fn history_path() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE"))?;
    (!home.is_empty()).then(|| PathBuf::from(home).join(".walnut_history"))
}

fn unread(error: &dyn std::error::Error) -> Failure {
    Failure::Open(format!("the input cannot be read: {error}"))
}

/// What follows a line.
#[derive(PartialEq, Eq)]
enum Next {
    Line,
    Exit,
}

/// Runs a line: a command, a comment, or nothing.
fn run_line(session: &Session, line: &str) -> Outcome<Next> {
    let Some(words) = words(line) else {
        return Err(Failure::Usage("a quote does not close".to_owned()));
    };
    match words.first().map(String::as_str) {
        None => Ok(Next::Line),
        Some("exit" | "quit") => Ok(Next::Exit),
        Some(word) if word.starts_with('#') => Ok(Next::Line),
        Some(_) => run_words(session, &words).map(|()| Next::Line),
    }
}

/// Runs a command that is written without its directory.
fn run_words(session: &Session, words: &[String]) -> Outcome {
    let dir = session.dir().as_os_str().to_owned();
    let mut all = vec!["walnut".into(), words[0].clone().into()];
    if words[0] != "help" && !words.iter().any(|word| word == "--help") {
        // The arguments of these may be files.
        let is_file = match &*words[0] {
            "dump" | "key" => true,
            "generate" => words.get(1).is_some_and(|source| Path::new(source).is_file()),
            _ => false,
        };
        if !is_file {
            all.push(dir);
        }
    }
    all.extend(words[1..].iter().map(Into::into));
    match Args::try_parse_from(all) {
        Ok(Args { command: Command::Shell(_), .. }) => {
            Err(Failure::Usage("this is a shell already".to_owned()))
        }
        Ok(args) => run_in(session, &args.command),
        Err(error) if error.use_stderr() => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            Err(Failure::Usage(line.strip_prefix("error: ").unwrap_or(line).to_owned()))
        }
        Err(help) => {
            let mut out = stdout();
            write!(out, "{help}")?;
            Ok(out.flush()?)
        }
    }
}

/// The words of a line: divided by spaces, but for those in quotes. Nothing when a quote does not
/// close.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in line.chars() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn words_are_divided_as_in_other_shells() {
        let shown = |line| words(line).map(|words| words.join("|"));
        assert_eq!(shown("scan  users --where 'age > 30'\n").as_deref(), Some("scan|users|--where|age > 30"));
        assert_eq!(shown("insert t '{\"id\": 1}'").as_deref(), Some("insert|t|{\"id\": 1}"));
        assert_eq!(shown("get t \"\"").as_deref(), Some("get|t|"));
        assert_eq!(shown("  ").as_deref(), Some(""));
        assert_eq!(shown("get 'x"), None);
    }
}
