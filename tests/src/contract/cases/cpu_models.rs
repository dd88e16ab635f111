//! CPU models.

use oxivirt_core::ErrorCode;

use super::cases;
use crate::contract::Case;
use crate::contract::case::Verdict;

cases!(model_names_are_counted_first_and_then_given);

fn model_names_are_counted_first_and_then_given(case: &Case<'_>) -> Verdict {
    case.needs(&["connect_get_cpu_model_names"])?;
    let names = |arch, wanted| case.on.cpu_models.connect_get_cpu_model_names(case.call, arch, wanted, 0);
    let counted = names("x86_64", false)?;
    assert!(counted.items.is_empty() && counted.count > 0, "{counted:?}");
    let given = names("x86_64", true)?;
    assert_eq!(given.items.len(), counted.count as usize);
    assert!(given.items.iter().any(|name| name.as_str() == "qemu64"), "{given:?}");
    case.note("models", given.items.len());
    case.refused("no architecture", names("no-such-architecture", true), &[ErrorCode::INVALID_ARG])
}
