//! Which of the spans that look alike are the same, by all that they hold.

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use model::{Batch, Span, same};

use super::super::Run;
use super::sets::Set;
use super::table::{HEAD, Spot, Token};
use crate::block::GroupReader;
use crate::columns::rebuild::Rebuilder;
use crate::columns::sink::PAGE_ROWS;
use crate::error::{Doing, Next, Result};

/// A hash of all that a span holds, of so many bits that only equal ones are equal.
type Content = [u64; 2];

/// The spans that are the same, given the sets and the batches of the head that they are in: one list for each of which there are several; each list in ascending order.
pub(super) fn classes(
    run: &mut Run<'_>,
    (sets, head): (&[&Set<'_>], &[&Batch]),
    mut alike: Vec<(Token, Spot)>,
) -> Result<Vec<Vec<Spot>>> {
    alike.sort_unstable();
    alike.dedup();
    let contents = contents(run, (sets, head), &alike)?;
    let mut all: Vec<(Token, Content, Spot)> =
        alike.into_iter().filter_map(|(token, spot)| Some((token, *contents.get(&spot)?, spot))).collect();
    all.sort_unstable();
    let same = all.chunk_by(|left, right| (left.0, left.1) == (right.0, right.1));
    let spots = |same: &[(Token, Content, Spot)]| same.iter().map(|(_, _, spot)| *spot).collect();
    Ok(same.filter(|same| same.len() > 1).map(spots).collect())
}

fn contents(
    run: &mut Run<'_>,
    (sets, head): (&[&Set<'_>], &[&Batch]),
    alike: &[(Token, Spot)],
) -> Result<HashMap<Spot, Content, FixedState>> {
    let mut spots: Vec<Spot> = alike.iter().map(|(_, spot)| *spot).collect();
    spots.sort_unstable();
    let mut contents = HashMap::default();
    let page = |spot: &Spot| (spot.block, spot.group, spot.row as usize / PAGE_ROWS);
    for of_group in spots.chunk_by(|left, right| (left.block, left.group) == (right.block, right.group)) {
        let Spot { block, group, .. } = of_group[0];
        if block == HEAD {
            let batch = head[group as usize];
            contents.extend(of_group.iter().map(|spot| (*spot, content(batch.span(spot.row as usize)))));
            continue;
        }
        let is_its = |set: &&&Set<'_>| set.block == block && set.groups.contains(&group);
        let Some(set) = sets.iter().find(is_its) else { continue };
        let mut reader = GroupReader::new(set.view, &set.view.groups[group as usize])?;
        for of_page in of_group.chunk_by(|left, right| page(left) == page(right)) {
            let rows: Vec<u32> = of_page.iter().map(|spot| spot.row).collect();
            let mut rebuilder = Rebuilder::default();
            reader.rebuild(&rows, None, &mut rebuilder)?;
            reader.forget(page(&of_page[0]).2);
            let places = rebuilder.places();
            let batch = Batch::read(rebuilder.finish().into(), run.plan.tenant.clone());
            let batch = batch.doing(Next::Repair, "put spans that look alike together")?;
            let of = |place: &u32| content(batch.span(*place as usize));
            contents.extend(of_page.iter().copied().zip(places.iter().map(of)));
        }
        run.work += reader.work;
    }
    Ok(contents)
}

fn content(span: Span<'_>) -> Content {
    let bytes = same::content(span);
    [0, 1].map(|seed| FixedState::with_seed(seed).hash_one(&bytes))
}
