"""nixtrust beside plain ssh and Ansible, on machines of the lab; docs/bench.md says how."""
