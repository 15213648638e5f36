//! Every statement besides tables, indexes, views, policies, triggers, rules, sequences and statistics objects.

mod aggregate;
mod alter;
mod command;
mod create;
mod drop;
mod extension;
mod function;
mod grant;
mod kinds;
mod maintenance;
mod object;
mod parts;
mod publication;
mod role;
mod schema;
mod session;
mod signature;
mod transaction;

use crate::sql::cursor::{Cursor, Parsed, Unreadable};
use crate::sql::statement::{Node, PassedOver};

/// Reads one statement by its first word; `Err` where it is none of these, or not read to its last token.
pub(crate) fn statement(mut cursor: Cursor<'_>) -> Parsed<Node> {
    let node = dispatch(&mut cursor)?;
    cursor.finish()?;
    Ok(node)
}

fn dispatch(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let start = cursor.span();
    match parts::word(cursor)?.as_str() {
        "ABORT" => transaction::rollback(cursor),
        "ALTER" => alter::alter(cursor),
        "ANALYSE" | "ANALYZE" => maintenance::analyze(cursor),
        "BEGIN" => transaction::begin(cursor),
        "CALL" => command::call(cursor),
        "CHECKPOINT" => session::checkpoint(cursor),
        "CLOSE" => session::one_word(cursor, PassedOver::Close),
        "CLUSTER" => maintenance::cluster(cursor),
        "COMMENT" => object::comment(cursor),
        "COMMIT" | "END" => transaction::commit(cursor),
        "COPY" => command::copy(cursor),
        "CREATE" => create::create(cursor),
        "DEALLOCATE" => session::one_word(cursor, PassedOver::Deallocate),
        "DECLARE" => session::declare(cursor),
        "DISCARD" => session::one_word(cursor, PassedOver::Discard),
        "DO" => command::run(cursor),
        "DROP" => drop::drop(cursor),
        "EXECUTE" => session::execute(cursor),
        "FETCH" => session::fetch(cursor, PassedOver::Fetch),
        "GRANT" => grant::grant(cursor),
        "IMPORT" => create::import_foreign_schema(cursor),
        "LISTEN" => session::one_word(cursor, PassedOver::Listen),
        "LOAD" => session::load(cursor),
        "LOCK" => command::lock(cursor),
        "MOVE" => session::fetch(cursor, PassedOver::Move),
        "NOTIFY" => session::notify(cursor),
        "PREPARE" => transaction::prepare(cursor),
        "REASSIGN" => drop::reassign(cursor),
        "REFRESH" => maintenance::refresh(cursor),
        "REINDEX" => maintenance::reindex(cursor),
        "RELEASE" => transaction::release(cursor),
        "RESET" => session::reset(cursor).map(|name| Node::Reset { name }),
        "REVOKE" => grant::revoke(cursor),
        "ROLLBACK" => transaction::rollback(cursor),
        "SAVEPOINT" => transaction::savepoint(cursor),
        "SECURITY" => object::security_label(cursor),
        "SET" => session::set(cursor, start),
        "SHOW" => session::show(cursor),
        "START" => cursor.expect("TRANSACTION").and_then(|()| transaction::begin(cursor)),
        "TRUNCATE" => command::truncate(cursor),
        "UNLISTEN" => session::unlisten(cursor),
        "VACUUM" => maintenance::vacuum(cursor),
        _ => Err(Unreadable),
    }
}

#[cfg(test)]
mod tests;
