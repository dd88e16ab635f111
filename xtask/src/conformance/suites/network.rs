//! Networks, and changes to a part of one.

use std::path::Path;

use oxivirt_conf::network::{FormatFlags, NetworkDefinition, NoHooks, ParseFlags, UpdateCommand, UpdateSection};

use super::super::Case;
use super::super::files::{Answers, case, documents, named, same};

/// Networks that any driver could define.
pub(super) fn network(folder: &Path) -> Result<Vec<Case>, String> {
    documents("network", folder, Answers::Beside, |_, input| Ok(print(&parse(input)?)?))
}

fn parse(text: &str) -> Result<NetworkDefinition, String> {
    NetworkDefinition::parse(text, ParseFlags::INACTIVE, &NoHooks).map_err(|error| error.to_string())
}

fn print(network: &NetworkDefinition) -> Result<String, String> {
    network.format(FormatFlags::INACTIVE).map_err(|error| format!("cannot be printed: {error}"))
}

/// Changes to a part of a network.
///
/// The data does not say which change leads to which answer. So a case is one
/// of these:
/// * an answer: it prints as it was read, and one change makes it from
///   another document about the same network;
/// * a change that is said to fail or to succeed, by the command in its name;
/// * an incomplete element, which cannot be added to any network.
pub(super) fn update(folder: &Path) -> Result<Vec<Case>, String> {
    let answers = named(&folder.join("update-out"), ".xml")?;
    let changes = named(&folder.join("update-in"), ".xml")?;
    let mut networks = Vec::new();
    let inputs = named(&folder.join("in"), ".xml")?;
    for (_, text) in inputs.iter().chain(&answers) {
        // What is refused as a whole is the business of the other suite; a
        // change may lead to something that a definition may not be.
        let flags = ParseFlags::INACTIVE | ParseFlags::SKIP_VALIDATE;
        if let Ok(network) = NetworkDefinition::parse(text, flags, &NoHooks) {
            networks.push(network);
        }
    }
    let networks: Vec<&NetworkDefinition> = networks.iter().collect();
    let mut cases: Vec<Case> =
        answers.iter().map(|(name, text)| case(name, || judge_answer(text, &networks, &changes))).collect();
    for (name, text) in &changes {
        let has = |word: &str| name.split('-').any(|part| part == word);
        let commands: Vec<_> = COMMANDS.iter().filter(|(word, _)| has(word)).map(|(_, command)| *command).collect();
        let verdict = match (has("fail"), has("success")) {
            (true, _) => Some(false),
            (_, true) => Some(true),
            _ => None,
        };
        if let (Some(wanted), [command]) = (verdict, commands.as_slice()) {
            cases.push(case(name, || match tries(&networks, text, &[*command]).next().is_some() {
                worked if worked == wanted => Ok(()),
                true => Err("accepted, must be refused".to_owned()),
                false => Err("refused by every network".to_owned()),
            }));
        } else if has("incomplete") {
            let add = [UpdateCommand::AddFirst, UpdateCommand::AddLast];
            cases.push(case(name, || match tries(&networks, text, &add).next() {
                Some(_) => Err("added, must be refused".to_owned()),
                None => Ok(()),
            }));
        }
    }
    Ok(cases)
}

const COMMANDS: [(&str, UpdateCommand); 2] = [("modify", UpdateCommand::Modify), ("delete", UpdateCommand::Delete)];

/// Every network that a change makes, in every section and place.
fn tries<'a>(
    networks: &'a [&NetworkDefinition],
    change: &'a str,
    commands: &'a [UpdateCommand],
) -> impl Iterator<Item = NetworkDefinition> + 'a {
    networks.iter().flat_map(move |network| {
        let places = -1..i32::try_from(network.ips.len()).unwrap_or(0);
        places.flat_map(move |place| {
            commands.iter().flat_map(move |command| {
                UpdateSection::ALL.iter().filter_map(move |section| {
                    let mut network = (*network).clone();
                    network.update_section(*command, *section, place, change).ok().map(|()| network)
                })
            })
        })
    })
}

fn judge_answer(answer: &str, networks: &[&NetworkDefinition], changes: &[(String, String)]) -> Result<(), String> {
    let flags = ParseFlags::INACTIVE | ParseFlags::SKIP_VALIDATE;
    let network = NetworkDefinition::parse(answer, flags, &NoHooks).map_err(|error| format!("refused: {error}"))?;
    same(answer, &print(&network)?)?;
    let others: Vec<&NetworkDefinition> = networks
        .iter()
        .copied()
        .filter(|other| other.name == network.name && other.uuid == network.uuid && **other != network)
        .collect();
    let mut made = changes.iter().flat_map(|(_, change)| tries(&others, change, &UpdateCommand::ALL));
    match made.any(|made| print(&made).is_ok_and(|text| text == answer)) {
        true => Ok(()),
        false => Err("no change makes it from another document".to_owned()),
    }
}
