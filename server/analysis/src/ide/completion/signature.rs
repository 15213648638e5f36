//! The parameters of the function whose arguments are being written.

use super::code::{Code, Word};
use super::keywords;
use crate::ide::describe::{full, parameters};
use crate::ide::{Place, View};
use crate::schema::lookup::Lookup;
use crate::text::Span;

/// The ways to call a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureHelp {
    /// One per overload.
    pub signatures: Vec<CallSignature>,
    /// The first overload that takes as many arguments as are written.
    pub active: usize,
    /// Number of the argument that the cursor is in, from 0.
    pub argument: usize,
}

/// One way to call a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallSignature {
    /// `app.f(a integer, b text) → text`
    pub label: String,
    /// Where each parameter stands in the label, in bytes.
    pub parameters: Vec<Span>,
    /// The function's comment.
    pub documentation: Option<String>,
}

/// The overloads of the history's function that the cursor is in a call of; `None` outside of calls, and for
/// functions that no file made.
pub fn signature(view: View<'_>, place: Place) -> Option<SignatureHelp> {
    let code = Code::at(view, place)?;
    let frames = code.frames();
    let (inside, outer) = frames.split_last()?;
    let opener = outer.last()?;
    let name = opener.last()?.name.clone()?;
    let is_definition = opener
        .first()
        .is_some_and(|first| first.any(&["CREATE", "ALTER", "DROP", "COMMENT", "GRANT", "REVOKE"]))
        && outer.len() == 1
        && !opener
            .iter()
            .any(|word| word.any(&["SELECT", "DEFAULT", "USING", "CHECK", "WHERE", "EXECUTE", "AS"]));
    if is_definition || opener.last()?.any(keywords::CLAUSES) {
        return None;
    }
    let (catalog, session) = view
        .timeline
        .at(place.file, code.start, view.history, view.documents, view.settings)?;
    let lookup = Lookup::new(&catalog, &session, view.settings.postgres, code.text);
    let overloads = lookup.overloads(&name);
    if overloads.is_empty() {
        return None;
    }
    let argument = inside.iter().filter(|word| is_comma(word)).count();
    let takes = overloads
        .iter()
        .position(|(signature, _)| signature.arguments.len() > argument);
    let signatures = overloads.iter().map(|(signature, routine)| {
        let mut label = format!("{}(", full(&signature.id));
        let mut places = Vec::new();
        for (at, parameter) in parameters(signature, routine).iter().enumerate() {
            if at > 0 {
                label.push_str(", ");
            }
            places.push(Span::new(label.len(), label.len() + parameter.len()));
            label.push_str(parameter);
        }
        label.push(')');
        if let Some(returns) = &routine.returns {
            label.push_str(" → ");
            label.push_str(returns);
        }
        CallSignature {
            label,
            parameters: places,
            documentation: routine.meta.comment.as_ref().map(ToString::to_string),
        }
    });
    Some(SignatureHelp {
        signatures: signatures.collect(),
        active: takes.unwrap_or(0),
        argument,
    })
}

fn is_comma(word: &Word<'_>) -> bool {
    word.text == ","
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ide::testing::Case;

    const FUNCTIONS: &str = "-- 1_a.sql
create function f(a int) returns int language sql as $$ select 1 $$;
create function f(a int, \"B\" text default 'x') returns text language sql as $$ select 'x' $$;
comment on function f(int) is 'one';
-- 2_b.sql
";

    fn shown(sql: &str) -> Option<String> {
        let case = Case::new(&format!("{FUNCTIONS}{sql}"));
        let help = signature(case.view(), case.cursor())?;
        let active = &help.signatures[help.active];
        let parameter = active.parameters.get(help.argument);
        let parameter = parameter.map_or("", |span| span.slice(&active.label));
        Some(format!("{} | {parameter} | {}", active.label, help.signatures.len()))
    }

    #[test]
    fn the_argument_at_the_cursor() {
        let first = "public.f(a integer) → integer | a integer | 2";
        let second = "public.f(a integer, \"B\" text default …) → text | \"B\" text default … | 2";
        assert_eq!(shown("select f($0").as_deref(), Some(first));
        assert_eq!(shown("/* é */ select f(g(1, 2), $0)").as_deref(), Some(second));
        assert_eq!(shown("select public.f(1, 'a,b'$0)").as_deref(), Some(second));
        assert_eq!(shown("select public.f(1, 'a,b' $0)").as_deref(), Some(second));
        assert_eq!(shown("create table t (a int default f($0").as_deref(), Some(first));
    }

    #[test]
    fn nothing_outside_of_calls() {
        assert_eq!(shown("select $0 f(1)"), None);
        assert_eq!(shown("select unknown($0)"), None);
        assert_eq!(shown("create function f($0)"), None);
        assert_eq!(shown("select * from t where a in ($0)"), None);
    }
}
