//! A step of a workload on a database and on the model, wherever the database is.

use std::fmt::Debug;

use walnut::{Error, Result, Savepoint};

use crate::model::{History, State, Told};
use crate::session::{Session, run_in};
use crate::workload::{Op, Part, Step};

/// Runs a statement, a transaction or queries beside the model, and holds what they return against it.
///
/// `written` is something that every commit changes which writes. `acknowledged` is called after each.
pub(crate) fn run<E, W: PartialEq + Debug>(
    session: &Session<E>,
    history: &mut History,
    step: &Step,
    written: impl Fn() -> Result<W>,
    mut acknowledged: impl FnMut(&History),
) -> Result<()> {
    match step {
        Step::Op(op) => statement(session, history, op)?,
        Step::Transaction { parts, commits } => {
            return transaction(session, history, (parts, *commits), written, acknowledged);
        }
        Step::Ask(users, documents) => {
            users.ask(&session.users, &history.now().users)?;
            return documents.ask(&session.documents, &history.now().documents);
        }
        _ => return Ok(()),
    }
    acknowledged(history);
    Ok(())
}

fn statement<E>(session: &Session<E>, history: &mut History, op: &Op) -> Result<()> {
    let expected = history.run(op);
    assert_eq!(session.run(op)?, expected);
    Ok(())
}

/// Runs a transaction. When it commits although another one committed meanwhile, it must be as if it had run after that
/// one; if it wrote nothing, as if before.
fn transaction<E, W: PartialEq + Debug>(
    session: &Session<E>,
    history: &mut History,
    (parts, commits): (&[Part], bool),
    written: impl Fn() -> Result<W>,
    mut acknowledged: impl FnMut(&History),
) -> Result<()> {
    let tx = session.db.begin();
    let begin = history.now().clone();
    let (mut course, mut has_rivals) = (Course::from(&begin), false);
    {
        let (users, documents) = (tx.table()?, tx.table()?);
        let mut savepoints: Vec<Savepoint> = Vec::new();
        for part in parts {
            match part {
                Part::Op(op) => {
                    let told = run_in(&users, &documents, op)?;
                    assert_eq!(course.op(op), &told, "{op:?}");
                }
                Part::Ask(of_users, of_documents) => {
                    of_users.ask(&users, &course.state.users)?;
                    of_documents.ask(&documents, &course.state.documents)?;
                }
                Part::Savepoint => {
                    savepoints.push(tx.savepoint());
                    course.savepoint();
                }
                Part::RollBack(place) => {
                    if let Some(place) = course.roll_back(*place) {
                        tx.rollback_to(savepoints[place])?;
                        savepoints.truncate(place + 1);
                    }
                }
                Part::Rival(op) => {
                    has_rivals = true;
                    statement(session, history, op)?;
                    acknowledged(history);
                }
            }
        }
    }
    if !commits {
        return Ok(());
    }
    let after = Course::of(history.now(), parts);
    let before = written()?;
    match tx.commit() {
        Err(Error::Conflict) => {
            assert!(has_rivals || session.loses_commits, "no other commit was in its way");
        }
        Ok(()) if written()? == before => {
            assert_eq!(course.state, begin, "it changed something, and nothing was written");
        }
        outcome => {
            history.push(after.state);
            outcome?;
            assert_eq!(after.told, course.told, "it is not as if it came after its rivals");
            acknowledged(history);
        }
    }
    Ok(())
}

/// The course of a transaction in the model.
#[derive(Debug)]
struct Course {
    state: State,
    /// What its statements said.
    told: Vec<Told>,
    savepoints: Vec<State>,
}

impl Course {
    fn from(state: &State) -> Self {
        Self { state: state.clone(), told: Vec::new(), savepoints: Vec::new() }
    }

    /// The course of all parts from a state on.
    fn of(state: &State, parts: &[Part]) -> Self {
        let mut course = Self::from(state);
        for part in parts {
            match part {
                Part::Op(op) => {
                    course.op(op);
                }
                Part::Savepoint => course.savepoint(),
                Part::RollBack(place) => {
                    course.roll_back(*place);
                }
                Part::Ask(..) | Part::Rival(_) => {}
            }
        }
        course
    }

    fn op(&mut self, op: &Op) -> &Told {
        self.told.push(self.state.run(op));
        self.told.last().expect("it was pushed")
    }

    fn savepoint(&mut self) {
        self.savepoints.push(self.state.clone());
    }

    /// Goes back to one of the savepoints; says which, when there is one.
    fn roll_back(&mut self, place: usize) -> Option<usize> {
        let place = place.checked_rem(self.savepoints.len())?;
        self.savepoints.truncate(place + 1);
        self.state = self.savepoints[place].clone();
        Some(place)
    }
}
