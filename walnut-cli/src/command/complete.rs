//! Completion of a line of the shell: commands, tables, options, indexes and columns.

use clap::{Command as ClapCommand, CommandFactory};
use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use crate::args::Args;
use crate::session::Session;

/// What a database has, for completion.
trait Names {
    fn tables(&self) -> Vec<String>;
    fn indexes(&self, table: &str) -> Vec<String>;
    fn columns(&self, table: &str) -> Vec<String>;
}

impl Names for Session {
    // A database that cannot be read has nothing to complete; the command says why.
    fn tables(&self) -> Vec<String> {
        self.table_names().unwrap_or_default()
    }

    fn indexes(&self, table: &str) -> Vec<String> {
        let description = self.table(table).map(|table| table.description);
        let indexes = description.map(|table| table.indexes).unwrap_or_default();
        indexes.into_iter().map(|index| index.name).collect()
    }

    fn columns(&self, table: &str) -> Vec<String> {
        let description = self.table(table).map(|table| table.description);
        let columns = description.map(|table| table.columns).unwrap_or_default();
        columns.into_iter().map(|column| column.name).collect()
    }
}

/// Completes lines by the database of a session.
pub(super) struct LineCompleter<'s> {
    session: &'s Session,
}

impl<'s> LineCompleter<'s> {
    pub(super) fn new(session: &'s Session) -> Self {
        Self { session }
    }
}

impl Completer for LineCompleter<'_> {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        cursor: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(complete(self.session, &Args::command(), line.get(..cursor).unwrap_or(line)))
    }
}

impl Hinter for LineCompleter<'_> {
    type Hint = String;
}

impl Highlighter for LineCompleter<'_> {}

impl Validator for LineCompleter<'_> {}

impl Helper for LineCompleter<'_> {}

/// Where the last word of a line begins, and what it may become.
fn complete(names: &dyn Names, commands: &ClapCommand, line: &str) -> (usize, Vec<String>) {
    let is_end = |character: char| character.is_whitespace() || matches!(character, ',' | '\'' | '"');
    let start = line.rfind(is_end).map_or(0, |at| at + 1);
    let (before, word) = line.split_at(start);
    let words: Vec<&str> =
        before.split(|character: char| character.is_whitespace()).filter(|word| !word.is_empty()).collect();
    let candidates = match words.split_first() {
        None => {
            let commands = commands.get_subcommands().map(|command| command.get_name().to_owned());
            commands.chain(["exit".to_owned()]).filter(|name| name != "shell").collect()
        }
        Some((name, words)) => match commands.find_subcommand(name) {
            Some(command) => candidates(names, command, words, word),
            None => Vec::new(),
        },
    };
    let mut fitting: Vec<String> = candidates.into_iter().filter(|name| name.starts_with(word)).collect();
    fitting.sort();
    (start, fitting)
}

/// What may follow the words behind a command; `word` is what was typed of the next one.
fn candidates(names: &dyn Names, command: &ClapCommand, words: &[&str], word: &str) -> Vec<String> {
    let takes_table = command.get_positionals().any(|argument| argument.get_id() == "table");
    let Some(table) = words.first().filter(|_| takes_table) else {
        return if takes_table { names.tables() } else { options(command) };
    };
    // A list and a condition go on behind a comma and a quote.
    let option = words.iter().rev().find(|word| word.starts_with("--")).copied().unwrap_or_default();
    let is_value = words.last() == Some(&option) || words.last().is_some_and(|last| last.ends_with(','));
    let quoted = words.last().is_some_and(|last| matches!(*last, "'" | "\""));
    match option {
        "--index" if is_value => names.indexes(table),
        "--columns" | "--where" | "--set" if is_value || quoted => names.columns(table),
        _ if word.starts_with('-') || !is_value => options(command),
        option => values(command, option),
    }
}

fn options(command: &ClapCommand) -> Vec<String> {
    let longs = command.get_arguments().filter_map(|argument| argument.get_long());
    longs.map(|long| format!("--{long}")).collect()
}

/// The values that an option may have.
fn values(command: &ClapCommand, option: &str) -> Vec<String> {
    let argument = command.get_arguments().find(|argument| argument.get_long() == option.strip_prefix("--"));
    let values = argument.map(clap::Arg::get_possible_values).unwrap_or_default();
    values.iter().map(|value| value.get_name().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Names for Fixed {
        fn tables(&self) -> Vec<String> {
            vec!["users".to_owned(), "orders".to_owned()]
        }

        fn indexes(&self, table: &str) -> Vec<String> {
            vec![format!("{table}_age"), "email".to_owned()]
        }

        fn columns(&self, table: &str) -> Vec<String> {
            vec![format!("{table}_id"), "note".to_owned()]
        }
    }

    #[test]
    fn each_place_of_a_line_is_completed_by_what_can_be_there() {
        let completed = |line: &str| {
            let (start, names) = complete(&Fixed, &Args::command(), line);
            (start, names.join(" "))
        };
        assert_eq!(completed("sc"), (0, "scan schema".to_owned()));
        assert_eq!(completed("ex"), (0, "exit export".to_owned()));
        assert_eq!(completed("scan "), (5, "orders users".to_owned()));
        assert_eq!(completed("scan us"), (5, "users".to_owned()));
        assert_eq!(completed("scan users --index "), (19, "email users_age".to_owned()));
        assert_eq!(completed("scan users --st"), (11, "--starts-with".to_owned()));
        assert_eq!(completed("scan users --format j"), (20, "json jsonl".to_owned()));
        assert_eq!(completed("scan users --columns note,us"), (26, "users_id".to_owned()));
        assert_eq!(completed("scan users --where 'no"), (20, "note".to_owned()));
        assert_eq!(completed("update users 7 --set n"), (21, "note".to_owned()));
        assert_eq!(completed("scan users --index email --li"), (25, "--limit".to_owned()));
        assert_eq!(completed("boom users "), (11, String::new()));
        assert_eq!(completed("scan é "), (8, completed("scan x ").1));
    }
}
