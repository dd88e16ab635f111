//! The host.

use oxivirt_core::ErrorCode;

use super::cases;
use crate::contract::Case;
use crate::contract::case::Verdict;

cases!(
    the_host_has_processors_and_memory,
    free_memory_is_counted_by_cell,
    cpu_times_are_counted_first_and_then_given,
    memory_statistics_are_counted_first_and_then_given,
    the_map_of_cpus_has_room_for_all,
    free_pages_come_for_each_cell_and_size,
    the_security_model_is_told,
);

fn the_host_has_processors_and_memory(case: &Case<'_>) -> Verdict {
    case.needs(&["node_get_info"])?;
    let info = case.on.node.node_get_info(case.call)?;
    assert!(!info.model.is_empty() && info.model.len() < 32, "architecture '{}'", info.model);
    assert!(info.memory > 0 && info.cpus > 0, "{info:?}");
    assert!([info.nodes, info.sockets, info.cores, info.threads].iter().all(|count| *count > 0), "{info:?}");
    case.note("model and CPUs", (info.model, info.cpus, info.nodes, info.sockets, info.cores, info.threads));
    Ok(())
}

fn free_memory_is_counted_by_cell(case: &Case<'_>) -> Verdict {
    case.needs(&["node_get_cells_free_memory", "node_get_info"])?;
    let cells = case.on.node.node_get_cells_free_memory(case.call, 0, 1024)?;
    assert!(!cells.is_empty(), "at least one cell");
    case.note("cells", cells.len());
    let first = case.on.node.node_get_cells_free_memory(case.call, 0, 1)?;
    assert_eq!(first.len(), 1);
    for (start, most) in [(1000, 1), (-1, 1), (0, 0)] {
        let answer = case.on.node.node_get_cells_free_memory(case.call, start, most);
        case.refused("cells that are not there", answer, &[ErrorCode::INVALID_ARG])?;
    }
    if case.declares("node_get_free_memory") {
        assert!(case.on.node.node_get_free_memory(case.call)? > 0);
    }
    Ok(())
}

fn cpu_times_are_counted_first_and_then_given(case: &Case<'_>) -> Verdict {
    case.needs(&["node_get_cpu_stats"])?;
    let node = &case.on.node;
    let counted = node.node_get_cpu_stats(case.call, -1, 0, 0)?;
    assert!(counted.items.is_empty() && counted.count > 0, "{counted:?}");
    let given = node.node_get_cpu_stats(case.call, -1, counted.count, 0)?;
    assert_eq!(given.items.len(), counted.count as usize);
    let fields: Vec<_> = given.items.iter().map(|stat| stat.field.to_string()).collect();
    assert!(fields.iter().any(|field| field == "kernel") && fields.iter().any(|field| field == "idle"), "{fields:?}");
    case.note("fields", fields);
    case.refused("times of CPU -7", node.node_get_cpu_stats(case.call, -7, 0, 0), &[ErrorCode::INVALID_ARG])?;
    case.refused("an unknown flag", node.node_get_cpu_stats(case.call, -1, 0, 1 << 31), &[ErrorCode::INVALID_ARG])
}

fn memory_statistics_are_counted_first_and_then_given(case: &Case<'_>) -> Verdict {
    case.needs(&["node_get_memory_stats"])?;
    let counted = case.on.node.node_get_memory_stats(case.call, 0, -1, 0)?;
    assert!(counted.items.is_empty() && counted.count > 0, "{counted:?}");
    let given = case.on.node.node_get_memory_stats(case.call, counted.count, -1, 0)?;
    assert_eq!(given.items.len(), counted.count as usize);
    let fields: Vec<_> = given.items.iter().map(|stat| stat.field.to_string()).collect();
    assert!(fields.iter().any(|field| field == "total"), "{fields:?}");
    case.note("fields", fields);
    Ok(())
}

fn the_map_of_cpus_has_room_for_all(case: &Case<'_>) -> Verdict {
    case.needs(&["node_get_cpu_map"])?;
    let map = case.on.node.node_get_cpu_map(case.call, true, true, 0)?;
    assert!(map.ret > 0 && map.cpumap.len() * 8 >= map.ret as usize, "{map:?}");
    let online: u32 = map.cpumap.iter().map(|byte| byte.count_ones()).sum();
    assert_eq!(online, map.online, "the map and the number agree");
    case.note("map", &map);
    let bare = case.on.node.node_get_cpu_map(case.call, false, false, 0)?;
    assert_eq!((bare.cpumap.len(), bare.online, bare.ret), (0, 0, map.ret), "only the number was wanted");
    Ok(())
}

fn free_pages_come_for_each_cell_and_size(case: &Case<'_>) -> Verdict {
    use oxivirt_core::types::List;
    case.needs(&["node_get_free_pages", "node_get_cells_free_memory"])?;
    let cells = case.on.node.node_get_cells_free_memory(case.call, 0, 1024)?.len();
    let sizes = List::new(vec![4])?;
    let counts = case.on.node.node_get_free_pages(case.call, &sizes, 0, cells as u32, 0)?;
    assert_eq!(counts.len(), cells);
    let answer = case.on.node.node_get_free_pages(case.call, &sizes, 0, u32::MAX, 0);
    case.refused("pages of too many cells", answer, &[ErrorCode::INVALID_ARG])
}

fn the_security_model_is_told(case: &Case<'_>) -> Verdict {
    case.needs(&["node_get_security_model"])?;
    case.note("security model", case.on.node.node_get_security_model(case.call)?);
    Ok(())
}
