//! Storage pools and volumes.

use oxivirt_core::ErrorCode;
use oxivirt_core::constants::{
    ListStoragePoolsFlags as F, StoragePoolBuildFlags, StoragePoolCreateFlags, StoragePoolDefineFlags,
    StoragePoolState, StorageVolCreateFlags, StorageVolDeleteFlags,
};
use oxivirt_core::types::StoragePool;

use super::cases;
use crate::contract::Case;
use crate::contract::case::{Stop, Verdict};

cases!(
    a_pool_is_defined_and_found,
    a_pool_goes_from_state_to_state,
    pools_are_listed_as_the_flags_say,
    what_is_not_in_storage_is_missing,
    a_volume_comes_and_goes,
    volumes_of_a_stopped_pool_cannot_be_reached,
);

/// Names of this suite begin so.
const NAME: &str = "contract-pool";

/// Defines a pool on a fresh folder, runs a part of a case with it, and removes both.
fn with(case: &Case<'_>, body: impl FnOnce(&StoragePool, &str) -> Verdict) -> Verdict {
    case.needs(&["storage_pool_define_xml", "storage_pool_undefine"])?;
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let path = folder.path().display().to_string();
    let (pools, call) = (&case.on.storage_pools, case.call);
    let xml = format!("<pool type='dir'><name>{NAME}</name><target><path>{path}</path></target></pool>");
    let pool = pools.storage_pool_define_xml(call, &xml, StoragePoolDefineFlags::EMPTY)?;
    let verdict = body(&pool, &path);
    // It is in the right state already, unless the case went wrong.
    let _ = pools.storage_pool_destroy(call, &pool);
    let _ = pools.storage_pool_undefine(call, &pool);
    verdict
}

/// The same with a running pool.
fn with_running(case: &Case<'_>, body: impl FnOnce(&StoragePool, &str) -> Verdict) -> Verdict {
    case.needs(&["storage_pool_create", "storage_pool_destroy"])?;
    with(case, |pool, path| {
        case.on.storage_pools.storage_pool_create(case.call, pool, StoragePoolCreateFlags::NORMAL)?;
        body(pool, path)
    })
}

fn a_pool_is_defined_and_found(case: &Case<'_>) -> Verdict {
    case.needs(&["storage_pool_lookup_by_name", "storage_pool_lookup_by_uuid", "storage_pool_get_xml_desc"])?;
    let (pools, call) = (&case.on.storage_pools, case.call);
    with(case, |pool, path| {
        assert_eq!(pools.storage_pool_lookup_by_name(call, NAME)?, *pool);
        assert_eq!(pools.storage_pool_lookup_by_uuid(call, &pool.uuid)?, *pool);
        let text = pools.storage_pool_get_xml_desc(call, pool, Default::default())?;
        assert!(text.contains(&format!("<path>{path}</path>")), "{text}");
        let define = |text: &str| pools.storage_pool_define_xml(call, text, StoragePoolDefineFlags::EMPTY);
        assert_eq!(define(&text)?, *pool, "it may be defined anew");
        let other = text.replace(&pool.uuid.to_string(), "99999999-9999-9999-9999-999999999997");
        case.refused("its name twice", define(&other), &[ErrorCode::OPERATION_FAILED])?;
        let answer = define(&other.replace(NAME, "contract-other-pool"));
        assert_eq!(answer.map_err(|error| error.code()), Err(ErrorCode::OPERATION_FAILED), "its folder twice");
        case.refused("no document", define("contract"), &[ErrorCode::XML_DETAIL])?;
        case.refused("another document", define("<volume/>"), &[ErrorCode::XML_ERROR])
    })
}

fn a_pool_goes_from_state_to_state(case: &Case<'_>) -> Verdict {
    case.needs(&["storage_pool_create", "storage_pool_destroy", "storage_pool_get_info", "storage_pool_is_active"])?;
    let (pools, call) = (&case.on.storage_pools, case.call);
    let wrong = &[ErrorCode::OPERATION_INVALID];
    with(case, |pool, _| {
        let state = || -> Result<_, Stop> {
            let known = i32::from(pools.storage_pool_get_info(call, pool)?.state);
            assert_eq!(pools.storage_pool_is_active(call, pool)?, known == StoragePoolState::RUNNING.0);
            Ok(StoragePoolState(known))
        };
        let start = || pools.storage_pool_create(call, pool, StoragePoolCreateFlags::NORMAL);
        assert_eq!(state()?, StoragePoolState::INACTIVE);
        case.refused("a stop while off", pools.storage_pool_destroy(call, pool), wrong)?;
        case.refused("a refresh while off", pools.storage_pool_refresh(call, pool, 0), wrong)?;
        if case.declares("storage_pool_build") {
            pools.storage_pool_build(call, pool, StoragePoolBuildFlags::NEW)?;
        }
        start()?;
        assert_eq!(state()?, StoragePoolState::RUNNING);
        case.refused("a second start", start(), wrong)?;
        case.refused("forgotten while it runs", pools.storage_pool_undefine(call, pool), wrong)?;
        pools.storage_pool_refresh(call, pool, 0)?;
        pools.storage_pool_destroy(call, pool)?;
        assert_eq!(state()?, StoragePoolState::INACTIVE);
        Ok(())
    })
}

fn pools_are_listed_as_the_flags_say(case: &Case<'_>) -> Verdict {
    case.needs(&["connect_list_all_storage_pools"])?;
    let (pools, call) = (&case.on.storage_pools, case.call);
    with_running(case, |_, _| {
        for (flags, wanted) in [
            (F::EMPTY, true),
            (F::ACTIVE, true),
            (F::INACTIVE, false),
            (F::PERSISTENT, true),
            (F::TRANSIENT, false),
            (F::NO_AUTOSTART, true),
            (F::AUTOSTART, false),
            (F::DIR, true),
            (F::LOGICAL, false),
            (F::DIR | F::LOGICAL, true),
            (F::DIR | F::INACTIVE, false),
        ] {
            let all = pools.connect_list_all_storage_pools(call, true, flags)?;
            assert_eq!(all.items.iter().any(|pool| pool.name.as_str() == NAME), wanted, "{flags:?}");
            assert_eq!(pools.connect_list_all_storage_pools(call, false, flags)?.count as usize, all.items.len());
        }
        let unknown = pools.connect_list_all_storage_pools(call, true, F(1 << 31));
        case.refused("an unknown flag", unknown, &[ErrorCode::INVALID_ARG])
    })
}

fn what_is_not_in_storage_is_missing(case: &Case<'_>) -> Verdict {
    case.needs(&[
        "storage_pool_lookup_by_name",
        "storage_pool_get_info",
        "storage_vol_lookup_by_key",
        "storage_vol_lookup_by_path",
    ])?;
    let (pools, volumes, call) = (&case.on.storage_pools, &case.on.storage_volumes, case.call);
    case.refused("by name", pools.storage_pool_lookup_by_name(call, "contract-nobody"), &[ErrorCode::NO_STORAGE_POOL])?;
    let gone = StoragePool { name: "contract-nobody".into(), uuid: "99999999-9999-9999-9999-999999999998".parse()? };
    case.refused("asked", pools.storage_pool_get_info(call, &gone), &[ErrorCode::NO_STORAGE_POOL])?;
    let missing = &[ErrorCode::NO_STORAGE_VOL];
    case.refused("by key", volumes.storage_vol_lookup_by_key(call, "/contract/nothing"), missing)?;
    case.refused("by path", volumes.storage_vol_lookup_by_path(call, "/contract/nothing"), missing)
}

fn a_volume_comes_and_goes(case: &Case<'_>) -> Verdict {
    case.needs(&["storage_vol_create_xml", "storage_vol_delete", "storage_vol_get_info", "storage_vol_get_path"])?;
    let (pools, volumes, call) = (&case.on.storage_pools, &case.on.storage_volumes, case.call);
    const SIZE: u64 = 1 << 20;
    let xml = format!("<volume><name>contract-volume</name><capacity>{SIZE}</capacity></volume>");
    with_running(case, |pool, path| {
        let create = || volumes.storage_vol_create_xml(call, pool, &xml, StorageVolCreateFlags::EMPTY);
        let volume = create()?;
        let path = format!("{path}/contract-volume");
        assert_eq!(volumes.storage_vol_get_path(call, &volume)?, path);
        assert_eq!(volumes.storage_vol_get_info(call, &volume)?.capacity, SIZE);
        assert_eq!(volumes.storage_vol_lookup_by_name(call, pool, "contract-volume")?, volume);
        assert_eq!(volumes.storage_vol_lookup_by_key(call, &volume.key)?, volume);
        assert_eq!(volumes.storage_vol_lookup_by_path(call, &path)?, volume);
        assert_eq!(pools.storage_pool_lookup_by_volume(call, &volume)?, *pool);
        assert_eq!(pools.storage_pool_num_of_volumes(call, pool)?, 1);
        let listed = pools.storage_pool_list_all_volumes(call, pool, true, 0)?.items;
        assert_eq!(listed.as_ref(), std::slice::from_ref(&volume));
        let twice = [ErrorCode::OPERATION_FAILED, ErrorCode::STORAGE_VOL_EXIST];
        case.refused("its name twice", create(), &twice)?;
        volumes.storage_vol_delete(call, &volume, StorageVolDeleteFlags::NORMAL)?;
        assert_eq!(pools.storage_pool_num_of_volumes(call, pool)?, 0);
        let missing = &[ErrorCode::NO_STORAGE_VOL];
        case.refused("asked when gone", volumes.storage_vol_get_info(call, &volume), missing)?;
        let again = volumes.storage_vol_delete(call, &volume, StorageVolDeleteFlags::NORMAL);
        case.refused("deleted twice", again, missing)
    })
}

fn volumes_of_a_stopped_pool_cannot_be_reached(case: &Case<'_>) -> Verdict {
    case.needs(&["storage_vol_create_xml", "storage_vol_delete", "storage_pool_list_all_volumes"])?;
    let (pools, volumes, call) = (&case.on.storage_pools, &case.on.storage_volumes, case.call);
    with_running(case, |pool, _| {
        let xml = "<volume><name>contract-kept</name><capacity>1024</capacity></volume>";
        let volume = volumes.storage_vol_create_xml(call, pool, xml, StorageVolCreateFlags::EMPTY)?;
        pools.storage_pool_destroy(call, pool)?;
        let wrong = &[ErrorCode::OPERATION_INVALID];
        case.refused("listed", pools.storage_pool_list_all_volumes(call, pool, true, 0), wrong)?;
        let named = volumes.storage_vol_lookup_by_name(call, pool, "contract-kept");
        case.refused("by name", named, wrong)?;
        case.refused(
            "by key",
            volumes.storage_vol_lookup_by_key(call, &volume.key).map(drop).map_err(plain),
            &[ErrorCode::NO_STORAGE_VOL],
        )?;
        let made = volumes.storage_vol_create_xml(call, pool, xml, StorageVolCreateFlags::EMPTY);
        case.refused("made", made, wrong)?;
        pools.storage_pool_create(call, pool, StoragePoolCreateFlags::NORMAL)?;
        assert_eq!(volumes.storage_vol_lookup_by_name(call, pool, "contract-kept")?, volume, "it is there again");
        Ok(volumes.storage_vol_delete(call, &volume, StorageVolDeleteFlags::NORMAL)?)
    })
}

/// The same error without a path in it, which differs from run to run.
fn plain(error: oxivirt_core::Error) -> oxivirt_core::Error {
    oxivirt_core::Error::new(error.code(), "")
}
