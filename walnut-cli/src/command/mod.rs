//! What each command does.

mod care;
mod complete;
mod dump;
mod generate;
mod import;
mod keys;
mod lines;
mod read;
mod shell;
mod show;
mod stats;
mod write;

use crate::args::{Args, Command, KeyCommand};
use crate::failure::Outcome;
use crate::session::Session;

/// Runs a command on a database that it opens itself.
pub(crate) fn run(args: &Args) -> Outcome {
    let session = Session::new(args.command.dir(), &args.keys);
    run_in(&session, &args.command)
}

fn run_in(session: &Session, command: &Command) -> Outcome {
    match command {
        Command::Info(args) => show::info(session, args.format),
        Command::Tables(_) => show::tables(session),
        Command::Schema(args) => show::schema(session, &args.table),
        Command::Generate(args) => generate::generate(session, args),
        Command::Stats(args) => stats::stats(session, args),
        Command::Get(args) => read::get(session, args),
        Command::Scan(args) => read::scan(session, args),
        Command::Count(args) => read::count(session, args),
        Command::Export(args) => read::export(session, args),
        Command::Insert(args) => write::insert(session, args),
        Command::Update(args) => write::update(session, args),
        Command::Delete(args) => write::delete(session, args),
        Command::Import(args) => import::import(session, args),
        Command::Verify(_) => care::verify(session),
        Command::Sweep(args) => care::sweep(session, args.table.as_deref()),
        Command::Compact(_) => care::compact(session),
        Command::Checkpoint(_) => care::checkpoint(session),
        Command::Backup(args) => care::backup(session, &args.target),
        Command::Restore(args) => care::restore(session, &args.target),
        Command::Preflight(args) => care::preflight(session, &args.target),
        Command::Dump(args) => dump::dump(session, args),
        Command::Encrypt(args) => keys::encrypt(session, args),
        Command::Decrypt(args) => keys::decrypt(session, &args.target),
        Command::Key(KeyCommand::Create { file }) => keys::create(file),
        Command::Key(KeyCommand::Change { new, .. }) => keys::change(session, new),
        Command::Key(KeyCommand::Rotate { .. }) => keys::rotate(session),
        Command::Repair(args) => care::repair(session, &args.target),
        Command::Shell(_) => shell::shell(session),
    }
}
