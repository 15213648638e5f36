//! Transaction control.

use crate::sql::cursor::{Cursor, Parsed, Unreadable};
use crate::sql::statement::{Node, Transaction};

/// `BEGIN [WORK|TRANSACTION] [mode, …]`, `START TRANSACTION [mode, …]`
pub(super) fn begin(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    cursor.eat_any(&["WORK", "TRANSACTION"]);
    modes(cursor)?;
    Ok(Node::Transaction(Transaction::Begin))
}

/// `COMMIT`, `END`; also `COMMIT PREPARED`
pub(super) fn commit(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    if cursor.eat("PREPARED") {
        cursor.string()?;
        return Ok(Node::Transaction(Transaction::CommitPrepared));
    }
    cursor.eat_any(&["WORK", "TRANSACTION"]);
    chain(cursor)?;
    Ok(Node::Transaction(Transaction::Commit))
}

/// `ROLLBACK`, `ABORT`; also `ROLLBACK PREPARED` and `ROLLBACK TO SAVEPOINT`
pub(super) fn rollback(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    if cursor.eat("PREPARED") {
        cursor.string()?;
        return Ok(Node::Transaction(Transaction::RollbackPrepared));
    }
    cursor.eat_any(&["WORK", "TRANSACTION"]);
    if cursor.eat("TO") {
        savepoint_name(cursor)?;
        return Ok(Node::Transaction(Transaction::RollbackToSavepoint));
    }
    chain(cursor)?;
    Ok(Node::Transaction(Transaction::Rollback))
}

/// `SAVEPOINT name`
pub(super) fn savepoint(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    cursor.ident()?;
    Ok(Node::Transaction(Transaction::Savepoint))
}

/// `RELEASE [SAVEPOINT] name`
pub(super) fn release(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    savepoint_name(cursor)?;
    Ok(Node::Transaction(Transaction::ReleaseSavepoint))
}

/// `PREPARE TRANSACTION 'id'`
pub(super) fn prepare(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    cursor.expect("TRANSACTION")?;
    cursor.string()?;
    Ok(Node::Transaction(Transaction::PrepareTransaction))
}

fn savepoint_name(cursor: &mut Cursor<'_>) -> Parsed<()> {
    if cursor.at_word("SAVEPOINT") && cursor.peek_nth(1).is_some() {
        cursor.next();
    }
    cursor.ident().map(drop)
}

fn chain(cursor: &mut Cursor<'_>) -> Parsed<()> {
    if cursor.eat("AND") {
        cursor.eat("NO");
        cursor.expect("CHAIN")?;
    }
    Ok(())
}

/// `ISOLATION LEVEL …`, `READ ONLY`, `DEFERRABLE`, …: with or without commas between them.
pub(super) fn modes(cursor: &mut Cursor<'_>) -> Parsed<()> {
    while !cursor.at_end() {
        if cursor.eat_all(&["ISOLATION", "LEVEL"]) {
            isolation_level(cursor)?;
        } else if cursor.eat("READ") {
            cursor.eat_any(&["ONLY", "WRITE"]).ok_or(Unreadable)?;
        } else {
            cursor.eat("NOT");
            cursor.expect("DEFERRABLE")?;
        }
        if cursor.comma() && cursor.at_end() {
            return Err(Unreadable);
        }
    }
    Ok(())
}

fn isolation_level(cursor: &mut Cursor<'_>) -> Parsed<()> {
    let levels: [&[&str]; 4] = [
        &["SERIALIZABLE"],
        &["REPEATABLE", "READ"],
        &["READ", "COMMITTED"],
        &["READ", "UNCOMMITTED"],
    ];
    let known = levels.iter().any(|level| cursor.eat_all(level));
    if known { Ok(()) } else { Err(Unreadable) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{node, unreadable};
    use super::*;

    fn transaction(sql: &str) -> Transaction {
        match node(sql) {
            Node::Transaction(transaction) => transaction,
            other => panic!("{sql}: {other:?}"),
        }
    }

    #[test]
    fn every_form_is_read() {
        for (sql, expected) in [
            ("begin", Transaction::Begin),
            (
                "BEGIN WORK ISOLATION LEVEL SERIALIZABLE, READ ONLY NOT DEFERRABLE",
                Transaction::Begin,
            ),
            ("start transaction isolation level repeatable read", Transaction::Begin),
            ("commit and no chain", Transaction::Commit),
            ("end transaction", Transaction::Commit),
            ("abort work", Transaction::Rollback),
            ("rollback and chain", Transaction::Rollback),
            ("rollback to a", Transaction::RollbackToSavepoint),
            ("rollback work to savepoint a", Transaction::RollbackToSavepoint),
            ("savepoint a", Transaction::Savepoint),
            ("release a", Transaction::ReleaseSavepoint),
            ("release savepoint a", Transaction::ReleaseSavepoint),
            ("prepare transaction 'x'", Transaction::PrepareTransaction),
            ("commit prepared 'x'", Transaction::CommitPrepared),
            ("rollback prepared 'x'", Transaction::RollbackPrepared),
        ] {
            assert_eq!(transaction(sql), expected, "{sql}");
        }
    }

    #[test]
    fn words_that_do_not_belong_are_not_swallowed() {
        unreadable("begin create table t (a int)");
        unreadable("commit now");
        unreadable("begin read only,");
    }
}
