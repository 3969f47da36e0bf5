//! A look at a file before it is decoded: whether its messages are large enough to be real.
//!
//! A decoded node takes some 150 bytes and an attribute some 200, so a file of millions of empty ones,
//! of two bytes each, would take a hundred times its size. Real ones have names and values.

use crate::error::Error;

/// Messages that are looked into.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
}

impl Kind {
    /// The message in a field, if it is looked into.
    fn child(self, field: u64) -> Option<Kind> {
        match (self, field) {
            (Kind::Model, 7) => Some(Kind::Graph),
            (Kind::Graph, 1) => Some(Kind::Node),
            (Kind::Node, 5) => Some(Kind::Attribute),
            (Kind::Graph | Kind::Attribute, 5) => Some(Kind::Tensor),
            _ => None,
        }
    }

    /// Fewest bytes of one that means something: a name or an operator, and a value or a result.
    fn least_bytes(self) -> usize {
        match self {
            Kind::Model | Kind::Graph => 0,
            Kind::Node => 8,
            Kind::Attribute => 6,
            Kind::Tensor => 4,
        }
    }
}

/// Fails if nodes, attributes or tensors are empty. Damage is left to the decoder.
///
/// # Errors
/// [`Error::BadFile`].
pub fn check(file: &[u8]) -> Result<(), Error> {
    walk(file, Kind::Model)
}

fn walk(mut bytes: &[u8], kind: Kind) -> Result<(), Error> {
    while let Some((number, content)) = field(&mut bytes) {
        let Some(child) = kind.child(number) else { continue };
        if content.len() < child.least_bytes() {
            let what = format!("{child:?}").to_lowercase();
            return Err(Error::BadFile(format!("no ONNX model: a {what} is empty")));
        }
        walk(content, child)?;
    }
    Ok(())
}

/// Takes a field: its number, and its bytes if it is a message or a text.
fn field<'a>(bytes: &mut &'a [u8]) -> Option<(u64, &'a [u8])> {
    let key = varint(bytes)?;
    let length = match key & 7 {
        0 => {
            varint(bytes)?;
            return Some((key >> 3, &[]));
        }
        1 => 8,
        2 => usize::try_from(varint(bytes)?).ok()?,
        5 => 4,
        _ => return None,
    };
    let (content, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some((key >> 3, content))
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn empty_messages_are_refused() {
        for (file, expected) in [
            (&b"\x3a\x02\x0a\x00"[..], "a node is empty"),
            (b"\x3a\x0c\x0a\x0a\x2a\x00\x2a\x00\x2a\x00\x2a\x00\x2a\x00", "an attribute"),
            (b"\x3a\x02\x2a\x00", "a tensor is empty"),
        ] {
            let message = check(file).expect_err("empty").to_string();
            assert!(message.contains(expected.trim_start_matches("an ")), "{message}");
        }
        assert_eq!(check(b"\x08\x08\x3a\x00"), Ok(()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = check(&bytes);
        }
    }
}
