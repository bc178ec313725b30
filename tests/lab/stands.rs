//! What the lab is made of does what it is there for.

use super::harness::Lab;
use super::processes::until;

#[test]
fn the_shop_is_balanced_over_three_instances_and_measured() {
    let Some(lab) = Lab::with(&["haproxy", "app", "prometheus"]) else {
        return;
    };
    let _people = lab.traffic("user", 30, 100);

    until("each instance is seen to work", 30, || {
        let working =
            r#"count(sum by (instance) (http_requests_total{service="shop",status="200"}) > 0)"#;
        lab.measured(working) == Some(3.0)
    });
    let page = lab.page("http://127.0.0.1:8003/alive");
    assert_eq!(page["version"], "v1");
    assert_eq!(lab.measured("no_such_metric"), None);
}

#[test]
fn what_stands_in_for_other_systems_answers() {
    let Some(lab) = Lab::with(&["etcd", "alertmanager", "moto", "localstripe"]) else {
        return;
    };

    let setting = lab.says("etcdctl", &["get", "/shop/checkout/max_items"]);
    assert_eq!(setting.trim(), "/shop/checkout/max_items\n9");
    let pager = lab.page("http://127.0.0.1:9093/api/v2/status");
    assert_eq!(pager["cluster"]["status"], "disabled");
    let cloud = lab.page("http://127.0.0.1:5000/moto-api/data.json");
    assert!(cloud.is_object(), "{cloud}");
    let customers = [
        "-s",
        "-u",
        "sk_test_lab:",
        "http://127.0.0.1:8420/v1/customers",
    ];
    let customers = lab.says("curl", &customers);
    assert!(customers.contains(r#""object":"#), "{customers}");
}

#[test]
fn nothing_of_a_lab_outlives_it() {
    let Some(lab) = Lab::with(&["haproxy", "app"]) else {
        return;
    };
    let directory = lab.path("");
    assert!(directory.join("lab.json").exists());
    let of_the_lab = || {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let mut places =
            processes.filter_map(|one| std::fs::read_link(one.path().join("cwd")).ok());
        places.any(|place| place.starts_with(&directory))
    };
    assert!(of_the_lab());

    drop(lab);

    assert!(!of_the_lab());
    assert!(!directory.exists());
}
