//! Nodes of ONNX trees as tests of an Eyas tree.
//!
//! ONNX sends a row to the "true" child if `value MODE threshold` holds, or if the value is NaN and
//! NaN "tracks true". Orders are one test, equality is a span of numbers. The converter of LightGBM
//! writes a set of categories as a chain of equalities with one child, which becomes one test of
//! several spans. A column can have so many spans; where there are more, an equality becomes two
//! tests (not below, not above), and the child that both reach is copied, less what the answers so far
//! rule out. So are other nodes that several nodes point to.

use eyas_model::encoder::MAX_EDGES;

use crate::ensemble::{ForeignNode, ForeignTest};
use crate::error::Error;
use crate::float32::{edge_above, edge_at_least};

/// How a node compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `value <= threshold`.
    Leq,
    /// `value < threshold`.
    Lt,
    /// `value >= threshold`.
    Gte,
    /// `value > threshold`.
    Gt,
    /// `value == threshold`.
    Eq,
    /// `value != threshold`.
    Neq,
}

impl Mode {
    /// By its name in version 1 to 3 of the operators.
    pub fn named(name: &str) -> Option<Mode> {
        let modes = [
            ("BRANCH_LEQ", Mode::Leq),
            ("BRANCH_LT", Mode::Lt),
            ("BRANCH_GTE", Mode::Gte),
            ("BRANCH_GT", Mode::Gt),
            ("BRANCH_EQ", Mode::Eq),
            ("BRANCH_NEQ", Mode::Neq),
        ];
        modes.into_iter().find(|(known, _)| *known == name).map(|(_, mode)| mode)
    }

    /// By its number in version 5.
    pub fn numbered(number: i64) -> Option<Mode> {
        let modes = [Mode::Leq, Mode::Lt, Mode::Gte, Mode::Gt, Mode::Eq, Mode::Neq];
        modes.get(usize::try_from(number).ok()?).copied()
    }
}

/// A column as a node compares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// Index of the column.
    pub column: usize,
    /// Whether values are rounded to 32-bit floats before.
    pub rounded: bool,
}

/// A node of an ONNX tree; node 0 is the root.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RawNode {
    /// Asks a question.
    Branch {
        /// What is compared.
        feature: Compared,
        /// How.
        mode: Mode,
        /// With what.
        threshold: f64,
        /// Whether NaN goes to the "true" child whatever the comparison says.
        missing_true: bool,
        /// Node for "true".
        yes: u32,
        /// Node for "false".
        no: u32,
    },
    /// Answers with a row of values.
    Leaf {
        /// The row.
        row: u32,
    },
}

/// Most numbers that a column can be compared with for equality by spans: each has two edges.
pub const MAX_EQUAL: usize = MAX_EDGES / 2;

/// The nodes as tests; rows of leaves stay as they are. With `by_spans`, equality is a span.
///
/// # Errors
/// [`Error::BadFile`] for a threshold that is NaN or a node below itself; [`Error::Unsupported`] if
/// equalities and shared nodes make the tree much larger.
pub fn tests(nodes: &[RawNode], by_spans: bool) -> Result<Vec<ForeignNode>, Error> {
    let mut steps = nodes.iter().map(step).collect::<Result<Vec<Step>, Error>>()?;
    check_children(&steps)?;
    if by_spans && let Some(with_spans) = with_spans(&steps) {
        steps = with_spans;
    }
    let is_equality = |step: &Step| matches!(step, Step::Equal { .. });
    if check_children(&steps)? || steps.iter().any(is_equality) {
        return expand(&steps);
    }
    let plain = |step| match step {
        Step::Leaf { row } => ForeignNode::Leaf { value: row },
        Step::Above { ask, left, right } => ask.node(left, right),
        Step::Inside { spans, left, right } => spans.node(left, right),
        Step::Equal { .. } => unreachable!("there are none"),
    };
    Ok(steps.into_iter().map(plain).collect())
}

/// `value > edge`.
#[derive(Debug, Clone, Copy)]
struct Ask {
    column: usize,
    edge: f64,
    missing_right: bool,
}

impl Ask {
    fn node(self, left: u32, right: u32) -> ForeignNode {
        let Ask { column, edge, missing_right } = self;
        let test = ForeignTest::Above { edge, missing_right, zero_is_missing: false };
        ForeignNode::Split { column, test, left, right, gain: 0.0 }
    }
}

/// `above < value <= up_to` for one of some spans.
#[derive(Debug, Clone)]
struct Spans {
    column: usize,
    spans: Vec<(f64, f64)>,
    missing_right: bool,
}

impl Spans {
    fn node(self, left: u32, right: u32) -> ForeignNode {
        let Spans { column, spans, missing_right } = self;
        let test = ForeignTest::Inside { spans, missing_right };
        ForeignNode::Split { column, test, left, right, gain: 0.0 }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Above {
        ask: Ask,
        left: u32,
        right: u32,
    },
    Inside {
        spans: Spans,
        left: u32,
        right: u32,
    },
    /// Both below and above go to `other`, what is between to `equal`.
    Equal {
        low: Ask,
        high: Ask,
        equal: u32,
        other: u32,
    },
    Leaf {
        row: u32,
    },
}

/// The steps that the root reaches, equalities as spans; `None` if chains share so many equalities
/// that spans would be much more than steps. There are no cycles.
fn with_spans(steps: &[Step]) -> Option<Vec<Step>> {
    let mut all = vec![Step::Leaf { row: 0 }; steps.len()];
    let mut is_met = vec![false; steps.len()];
    let (mut open, mut n_spans) = (vec![0u32], 0);
    while let Some(index) = open.pop() {
        let index = index as usize;
        if std::mem::replace(&mut is_met[index], true) {
            continue;
        }
        all[index] = spans(steps, index);
        match &all[index] {
            Step::Inside { spans, left, right } => {
                n_spans += spans.spans.len();
                open.extend([*left, *right]);
            }
            Step::Above { left, right, .. } => open.extend([*left, *right]),
            _ => {}
        }
        if n_spans > 2 * steps.len() {
            return None;
        }
    }
    Some(all)
}

/// An equality, and those that follow it with the same child, as spans; other steps as they are.
fn spans(steps: &[Step], index: usize) -> Step {
    let Step::Equal { low, high, equal, mut other } = steps[index] else {
        return steps[index].clone();
    };
    let (column, mut missing_right) = (low.column, low.missing_right);
    let mut spans = vec![(low.edge, high.edge)];
    // More would be twice the same, as a column has no more.
    while spans.len() < MAX_EQUAL {
        match steps[other as usize] {
            Step::Equal { low, high, equal: same, other: next }
                if low.column == column && same == equal =>
            {
                spans.push((low.edge, high.edge));
                missing_right |= low.missing_right;
                other = next;
            }
            _ => break,
        }
    }
    Step::Inside { spans: Spans { column, spans, missing_right }, left: other, right: equal }
}

fn step(node: &RawNode) -> Result<Step, Error> {
    let &RawNode::Branch { feature, mode, threshold, missing_true, yes, no } = node else {
        let RawNode::Leaf { row } = *node else { unreachable!("a node is a branch or a leaf") };
        return Ok(Step::Leaf { row });
    };
    if threshold.is_nan() {
        return Err(Error::BadFile("a threshold is NaN".into()));
    }
    let Compared { column, rounded } = feature;
    let ask = |edge, missing_right| Ask { column, edge, missing_right };
    let below = |edge| Step::Above { ask: ask(edge, !missing_true), left: yes, right: no };
    let above = |edge| Step::Above { ask: ask(edge, missing_true), left: no, right: yes };
    let equal = |equal, other, missing_equal| {
        // A missing value that is "equal" passes the first test and fails the second.
        let low = ask(not_below(threshold, rounded), missing_equal);
        Ok::<Step, Error>(Step::Equal {
            low,
            high: ask(over(threshold, rounded)?, false),
            equal,
            other,
        })
    };
    Ok(match mode {
        Mode::Leq => below(over(threshold, rounded)?),
        Mode::Lt => below(not_below(threshold, rounded)),
        Mode::Gte => above(not_below(threshold, rounded)),
        Mode::Gt => above(over(threshold, rounded)?),
        Mode::Eq => equal(yes, no, missing_true)?,
        // NaN is not equal to anything, so it goes to "true" in any case.
        Mode::Neq => equal(no, yes, false)?,
    })
}

/// The edge above which `value > threshold`.
fn over(threshold: f64, rounded: bool) -> Result<f64, Error> {
    if rounded {
        let float = threshold as f32;
        return Ok(edge_above(if f64::from(float) > threshold {
            float.next_down()
        } else {
            float
        }));
    }
    if threshold == f64::NEG_INFINITY {
        return Err(Error::Unsupported("a comparison with minus infinity".into()));
    }
    Ok(threshold)
}

/// The edge above which `value >= threshold`.
fn not_below(threshold: f64, rounded: bool) -> f64 {
    if rounded {
        let float = threshold as f32;
        return edge_at_least(if f64::from(float) < threshold { float.next_up() } else { float });
    }
    if threshold == f64::NEG_INFINITY { threshold } else { threshold.next_down() }
}

/// Whether a node has two parents. Fails if the nodes below one are not there or hold itself.
fn check_children(nodes: &[Step]) -> Result<bool, Error> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        Not,
        Above,
        Done,
    }
    let mut seen = vec![Seen::Not; nodes.len()];
    let mut is_shared = false;
    let mut path = vec![(0u32, 0)];
    while let Some((node, n_done)) = path.pop() {
        let bad = |what: &str| Error::BadFile(format!("node {node} {what}"));
        let place = seen.get_mut(node as usize).ok_or_else(|| bad("is not there"))?;
        match (*place, n_done) {
            (Seen::Above, 0) => return Err(bad("is below itself")),
            (Seen::Done, _) => is_shared = true,
            (_, n_done) => {
                let child = match nodes[node as usize] {
                    Step::Above { left, right, .. } | Step::Inside { left, right, .. } => {
                        [left, right].get(n_done).copied()
                    }
                    Step::Equal { equal, other, .. } => [equal, other].get(n_done).copied(),
                    Step::Leaf { .. } => None,
                };
                *place = if child.is_some() { Seen::Above } else { Seen::Done };
                if let Some(child) = child {
                    path.extend([(node, n_done + 1), (child, 0)]);
                }
            }
        }
    }
    Ok(is_shared)
}

/// What the answers so far say of a column: `below < value <= up_to`, or missing.
#[derive(Debug, Clone, Copy)]
struct Known {
    below: f64,
    up_to: f64,
    missing: bool,
}

const ANYTHING: Known = Known { below: f64::NEG_INFINITY, up_to: f64::INFINITY, missing: true };
/// Columns that are remembered along a path; others are taken for unknown.
const MAX_KNOWN: usize = 64;

/// Where to go on: a step, or the second test of an equality.
#[derive(Debug, Clone, Copy)]
struct At {
    step: u32,
    second: bool,
}

struct Open {
    at: At,
    /// Node to be made.
    place: usize,
    known: Vec<(usize, Known)>,
}

impl Open {
    fn of(&self, column: usize) -> Known {
        let known = self.known.iter().find(|(of, _)| *of == column);
        known.map_or(ANYTHING, |(_, known)| *known)
    }

    /// What is known after "no" and after "yes".
    fn known_after(&self, ask: Ask) -> [Vec<(usize, Known)>; 2] {
        let Ask { column, edge, missing_right } = ask;
        let known = self.of(column);
        let up_to = known.up_to.min(edge);
        let low = Known { up_to, missing: known.missing && !missing_right, ..known };
        let below = known.below.max(edge);
        let high = Known { below, missing: known.missing && missing_right, ..known };
        [low, high].map(|known| {
            let mut all = self.known.clone();
            match all.iter().position(|(of, _)| *of == column) {
                Some(found) => all[found].1 = known,
                None if all.len() < MAX_KNOWN => all.push((column, known)),
                None => {}
            }
            all
        })
    }
}

/// The tree with two tests for each equality, and nodes with one parent. No node is below itself.
fn expand(steps: &[Step]) -> Result<Vec<ForeignNode>, Error> {
    let most = 64 * steps.len() + 1024;
    let leaf = ForeignNode::Leaf { value: 0 };
    let mut nodes = vec![leaf.clone()];
    let start = At { step: 0, second: false };
    let mut open = vec![Open { at: start, place: 0, known: vec![] }];
    while let Some(mut next) = open.pop() {
        let (place, left) = (nodes.len(), nodes.len() as u32);
        let (node, children) = match settle(steps, &mut next) {
            Settled::Leaf(row) => (ForeignNode::Leaf { value: row }, None),
            Settled::Inside(spans, children) => {
                let same = [next.known.clone(), next.known.clone()];
                (spans.clone().node(left, left + 1), Some((children, same)))
            }
            Settled::Above(ask, children) => {
                (ask.node(left, left + 1), Some((children, next.known_after(ask))))
            }
        };
        nodes[next.place] = node;
        let Some((at, known)) = children else { continue };
        if place + 2 > most {
            return Err(Error::Unsupported(format!(
                "tests of equality and shared nodes make a tree of {} nodes over {most} nodes large",
                steps.len()
            )));
        }
        nodes.extend([leaf.clone(), leaf.clone()]);
        for (side, (at, known)) in at.into_iter().zip(known).enumerate() {
            open.push(Open { at, place: place + side, known });
        }
    }
    Ok(nodes)
}

/// A step whose answer is open, with where "no" and "yes" go, or a leaf.
enum Settled<'a> {
    Leaf(u32),
    Above(Ask, [At; 2]),
    Inside(&'a Spans, [At; 2]),
}

/// Goes on to the first step whose answer is open.
fn settle<'a>(steps: &'a [Step], open: &mut Open) -> Settled<'a> {
    loop {
        let At { step, second } = open.at;
        let first = |step| At { step, second: false };
        let (ask, left, right) = match &steps[step as usize] {
            Step::Leaf { row } => return Settled::Leaf(*row),
            Step::Inside { spans, left, right } => {
                return Settled::Inside(spans, [first(*left), first(*right)]);
            }
            Step::Above { ask, left, right } => (*ask, first(*left), first(*right)),
            Step::Equal { low, other, .. } if !second => {
                (*low, first(*other), At { step, second: true })
            }
            Step::Equal { high, equal, other, .. } => (*high, first(*equal), first(*other)),
        };
        let known = open.of(ask.column);
        let may_left = known.below < ask.edge || known.missing && !ask.missing_right;
        let may_right = ask.edge < known.up_to || known.missing && ask.missing_right;
        match (may_left, may_right) {
            (true, true) => return Settled::Above(ask, [left, right]),
            (false, true) => open.at = right,
            _ => open.at = left,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The obvious walk.
    fn row_of(nodes: &[RawNode], values: &[f64]) -> u32 {
        let mut at = 0;
        loop {
            match nodes[at] {
                RawNode::Leaf { row } => return row,
                RawNode::Branch { feature, mode, threshold, missing_true, yes, no } => {
                    let value = values[feature.column];
                    let value = if feature.rounded { f64::from(value as f32) } else { value };
                    let holds = match mode {
                        Mode::Leq => value <= threshold,
                        Mode::Lt => value < threshold,
                        Mode::Gte => value >= threshold,
                        Mode::Gt => value > threshold,
                        Mode::Eq => value == threshold,
                        Mode::Neq => value != threshold,
                    };
                    at = if holds || value.is_nan() && missing_true { yes } else { no } as usize;
                }
            }
        }
    }

    fn foreign_row_of(nodes: &[ForeignNode], values: &[f64]) -> u32 {
        let mut at = 0;
        loop {
            match &nodes[at] {
                ForeignNode::Leaf { value } => return *value,
                ForeignNode::Split { column, test, left, right, .. } => {
                    let value = values[*column];
                    let right_side = match test {
                        ForeignTest::Above { missing_right, .. } if value.is_nan() => {
                            *missing_right
                        }
                        ForeignTest::Inside { missing_right, .. } if value.is_nan() => {
                            *missing_right
                        }
                        ForeignTest::Above { edge, .. } => {
                            value > *edge || *edge == f64::NEG_INFINITY
                        }
                        ForeignTest::Inside { spans, .. } => {
                            spans.iter().any(|&(above, up_to)| above < value && value <= up_to)
                        }
                        ForeignTest::In { .. } => panic!("there are no categories"),
                    };
                    at = if right_side { *right } else { *left } as usize;
                }
            }
        }
    }

    /// A full tree over two columns, from a list of choices.
    fn tree(depth: u32, choices: &[(usize, u8, u8, bool, bool)]) -> Vec<RawNode> {
        let n_branches = (1 << depth) - 1;
        let branch = |index: usize| {
            let (column, mode, threshold, missing_true, rounded) = choices[index % choices.len()];
            RawNode::Branch {
                feature: Compared { column, rounded },
                mode: Mode::numbered(i64::from(mode)).expect("one of six"),
                threshold: [0.0, 1.0, -1.0, 0.1, 0.1f32 as f64, 2.0][usize::from(threshold)],
                missing_true,
                yes: 2 * index as u32 + 1,
                no: 2 * index as u32 + 2,
            }
        };
        let leaves = (0..=n_branches as u32).map(|row| RawNode::Leaf { row });
        (0..n_branches).map(branch).chain(leaves).collect()
    }

    proptest! {
        #[test]
        fn tests_send_every_row_to_its_leaf(
            depth in 0u32..5,
            choices in prop::collection::vec((0usize..2, 0u8..6, 0u8..6, any::<bool>(), any::<bool>()), 1..20),
        ) {
            let nodes = tree(depth, &choices);
            let both = [true, false].map(|by_spans| tests(&nodes, by_spans).expect("sound"));
            let near = [0.0, -0.0, 1.0, -1.0, 0.1, f64::from(0.1f32), 2.0, f64::NAN, 9.0, -9.0];
            let near = near.iter().flat_map(|&v: &f64| [v, v.next_up(), v.next_down()]);
            let near: Vec<f64> = near.chain([f64::INFINITY, f64::NEG_INFINITY]).collect();
            for &a in &near {
                for &b in &near {
                    let values = [a, b];
                    for tests in &both {
                        let row = foreign_row_of(tests, &values);
                        prop_assert_eq!(row, row_of(&nodes, &values), "{:?}", values);
                    }
                }
            }
        }
    }

    #[test]
    fn equalities_that_blow_up_are_refused() {
        // Every node asks another column, so nothing can be ruled out.
        let n = 60u32;
        let mut nodes: Vec<RawNode> = Vec::new();
        for index in 0..n {
            let feature = Compared { column: index as usize, rounded: true };
            let (yes, no) = (n + 1 + index, index + 1);
            let (mode, threshold, missing_true) = (Mode::Eq, 0.0, false);
            nodes.push(RawNode::Branch { feature, mode, threshold, missing_true, yes, no });
        }
        nodes.extend((0..=n).map(|row| RawNode::Leaf { row }));
        let message = tests(&nodes, false).expect_err("too large").to_string();
        assert!(message.contains("tests of equality"), "{message}");
        // With one column, it stays small.
        for (index, node) in nodes.iter_mut().enumerate() {
            if let RawNode::Branch { feature, threshold, .. } = node {
                feature.column = 0;
                *threshold = index as f64;
            }
        }
        assert!(tests(&nodes, false).expect("small").len() < 300);
    }

    #[test]
    fn a_chain_of_equalities_is_one_test() {
        let feature = Compared { column: 0, rounded: true };
        let n = 50u32;
        let mut nodes: Vec<RawNode> = Vec::new();
        for index in 0..n {
            let (mode, threshold, missing_true) = (Mode::Eq, f64::from(2 * index), index == 7);
            let no = if index + 1 == n { n + 1 } else { index + 1 };
            nodes.push(RawNode::Branch { feature, mode, threshold, missing_true, yes: n, no });
        }
        nodes.extend([RawNode::Leaf { row: 0 }, RawNode::Leaf { row: 1 }]);
        let [one, many] = [true, false].map(|by_spans| tests(&nodes, by_spans).expect("sound"));
        let ForeignNode::Split { left, right, .. } = one[0] else { panic!("a question") };
        assert_eq!((left, right), (n + 1, n));
        for value in (0..100).map(f64::from).chain([f64::NAN, 1e-9, -1.0]) {
            let expected = row_of(&nodes, &[value]);
            assert_eq!(foreign_row_of(&one, &[value]), expected, "{value}");
            assert_eq!(foreign_row_of(&many, &[value]), expected, "{value}");
        }
    }

    #[test]
    fn cycles_are_found_and_shared_nodes_copied() {
        let node = |yes, no| {
            let feature = Compared { column: 0, rounded: true };
            let (mode, threshold, missing_true) = (Mode::Leq, -f64::from(yes), false);
            RawNode::Branch { feature, mode, threshold, missing_true, yes, no }
        };
        let leaf = |row| RawNode::Leaf { row };
        for broken in [vec![node(0, 1), leaf(0)], vec![node(1, 2), node(2, 2), node(1, 1)]] {
            let message = tests(&broken, true).expect_err("a cycle").to_string();
            assert!(message.contains("is below itself"), "{message}");
        }
        assert!(tests(&[], true).is_err() && tests(&[node(5, 6)], true).is_err());
        let shared = [node(1, 3), node(2, 3), leaf(0), leaf(1)];
        assert_eq!(tests(&shared, true).expect("sound").len(), 5);
        for value in [0.0, -1.0, -2.0, -3.0] {
            let tests = tests(&shared, true).expect("sound");
            assert_eq!(foreign_row_of(&tests, &[value]), row_of(&shared, &[value]));
        }
    }
}
