from sampan.network import hosts


def test_the_file_has_loopback_extras_and_own_names_in_dockers_order() -> None:
    text = hosts.hosts_file([("10.1.2.3", "one")], ["172.17.0.2"], hosts.own_names("web", ""))
    assert text.splitlines()[0] == "127.0.0.1\tlocalhost"
    assert text.splitlines()[-2:] == ["10.1.2.3\tone", "172.17.0.2\tweb"]


def test_a_domain_makes_a_full_name() -> None:
    assert hosts.own_names("web", "example.org") == "web.example.org web"
    assert hosts.own_names("web.example.org", "") == "web.example.org web"
    assert hosts.own_names("web", "") == "web"


def test_disconnecting_takes_out_only_own_lines() -> None:
    text = hosts.hosts_file([("10.0.0.2", "other")], ["10.0.0.2", "10.0.0.3"], "web")
    left = hosts.without(text, ["10.0.0.2"], "web")
    assert "10.0.0.2\tother\n" in left and "10.0.0.2\tweb" not in left and "10.0.0.3\tweb\n" in left


def test_lines_are_added_after_a_file_without_final_newline() -> None:
    assert hosts.with_added("127.0.0.1 x", [("10.0.0.1", "y")]) == "127.0.0.1 x\n10.0.0.1\ty\n"
