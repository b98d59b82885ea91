//! `shell`: commands one after the other, with the database open.

use std::io::{self, IsTerminal, Write};

use clap::Parser;

use super::run_in;
use crate::args::{Args, Command};
use crate::failure::{Failure, Outcome};
use crate::output::stdout;
use crate::session::Session;

/// Reads commands from the standard input until it ends, or says `exit`.
///
/// A failure ends it, except at a terminal, where it is told and the next command is read.
pub(super) fn shell(session: &Session) -> Outcome {
    session.follower()?;
    let is_terminal = io::stdin().is_terminal();
    let mut line = String::new();
    loop {
        if is_terminal {
            let mut out = stdout();
            write!(out, "walnut> ")?;
            out.flush()?;
        }
        line.clear();
        let read = io::stdin().read_line(&mut line);
        if read.map_err(|error| Failure::Open(format!("the input cannot be read: {error}")))? == 0 {
            return Ok(());
        }
        let Some(words) = words(&line) else {
            writeln!(io::stderr(), "walnut: a quote does not close")?;
            continue;
        };
        match words.first().map(String::as_str) {
            None => continue,
            Some("exit" | "quit") => return Ok(()),
            Some(word) if word.starts_with('#') => continue,
            Some(_) => {}
        }
        match run_words(session, &words) {
            Ok(()) => {}
            Err(Failure::PipeClosed) => return Err(Failure::PipeClosed),
            Err(failure) if is_terminal => writeln!(io::stderr(), "walnut: {failure}")?,
            Err(failure) => return Err(failure),
        }
    }
}

/// Runs a command that is written without its directory.
fn run_words(session: &Session, words: &[String]) -> Outcome {
    let dir = session.dir().as_os_str().to_owned();
    let mut all = vec!["walnut".into(), words[0].clone().into()];
    if words[0] != "help" && !words.iter().any(|word| word == "--help") {
        all.push(dir);
    }
    all.extend(words[1..].iter().map(Into::into));
    match Args::try_parse_from(all) {
        Ok(Args { command: Command::Shell(_) }) => Err(Failure::Usage("this is a shell already".to_owned())),
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
