//! Names of objects as SQL writes them, on top of [`crate::sql::print`].

pub(crate) use crate::sql::print::*;

use crate::schema::objects::{Id, Signature, Type};

/// `schema.name`
pub(crate) fn id(id: &Id) -> String {
    format!("{}.{}", quote_ident(&id.schema), quote_ident(&id.name))
}

/// `schema.name(type, type)`
pub(crate) fn signature(signature: &Signature) -> String {
    let arguments: Vec<String> = signature.arguments.iter().map(ty).collect();
    format!("{}({})", id(&signature.id), arguments.join(", "))
}

/// A type as `format_type` prints it: `character` without a length is `bpchar`, which has none.
pub(crate) fn ty(ty: &Type) -> String {
    if ty.id.schema == "pg_catalog" && ty.id.name == "character" && ty.modifiers.is_empty() {
        return if ty.array { "bpchar[]" } else { "bpchar" }.into();
    }
    ty.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_qualified_and_quoted_where_they_must_be() {
        assert_eq!(id(&Id::new("public", "Order Item")), "public.\"Order Item\"");
    }
}
