//! A database whose engine runs elsewhere has no method for files that it does not have.

use walnut::remote::Memory;
use walnut::{Database, Result};

fn main() -> Result<()> {
    let db = Database::on(Memory::new())?;
    db.table_names()?;
    db.verify_tables()?;
    db.checkpoint()?;
    Ok(())
}
