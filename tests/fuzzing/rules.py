"""Rules as iptables-save prints them: one of each match and target that is modelled, and one that is not."""

MATCHES = (
    "! -s 10.0.0.0/24 -d 10.0.0.2/32 ! -i eth+ -o eth1",
    "-p tcp -m tcp --sport 1024:65535 ! --dport 80 --tcp-flags SYN,RST SYN --tcp-option 2",
    "-p udp -m udp --dport 53",
    "-p sctp -m sctp --dport 80 --chunk-types any DATA:Be",
    "-p dccp -m dccp --dport 80 --dccp-types REQUEST",
    "-p icmp -m icmp --icmp-type 8/0",
    "-p ipv6-icmp -m icmp6 --icmpv6-type 128",
    "-p ah -m ah --ahspi 1:2",
    "-p esp -m esp --espspi 1:100",
    "-m addrtype --src-type UNICAST ! --dst-type LOCAL --limit-iface-in",
    '-m comment --comment "a \\"b\\" c"',
    "-m connbytes --connbytes 1:9 --connbytes-mode packets --connbytes-dir both",
    "-m connlabel --label 3",
    "-m connlimit --connlimit-above 3 --connlimit-mask 24 --connlimit-saddr",
    "-m connmark --mark 0x1/0x1",
    "-m conntrack --ctstate RELATED,ESTABLISHED --ctproto 6 --ctorigsrc 10.0.0.0/8 --ctdir ORIGINAL",
    "-m cpu --cpu 0",
    "-m devgroup --src-group 0x5/0xf",
    "-m dscp --dscp 0x12",
    "-m ecn --ecn-ip-ect 1",
    "-m frag --fragid 1",
    "-m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 1 --hashlimit-mode srcip --hashlimit-name a",
    "-m helper --helper ftp",
    "-m hl --hl-gt 3",
    "-m iprange --src-range 10.0.0.1-10.0.0.9",
    "-m ipv6header --header frag,route --soft",
    "-m ipvs --ipvs --vproto 6 --vaddr 10.0.0.1/32 --vport 80 --vdir ORIGINAL --vmethod MASQ",
    "-m length --length 40:1500",
    "-m limit --limit 10000/sec --limit-burst 1000",
    "-m mac --mac-source 00:11:22:33:44:55",
    "-m mark ! --mark 0x4000/0x4000",
    "-p tcp -m multiport ! --dports 22,80:90",
    "-m owner --uid-owner 0-99999 --gid-owner 0 --socket-exists",
    "-m physdev --physdev-in eth0 --physdev-is-bridged",
    "-m pkttype --pkt-type unicast",
    "-m policy --dir in --pol ipsec --strict --proto esp",
    "-m quota --quota 1000",
    "-m recent --update --seconds 60 --hitcount 3 --name x --mask 255.255.255.255 --rsource",
    "-m rpfilter --loose --invert",
    "-m rt --rt-type 0 --rt-segsleft 1:2",
    "-m set --match-set s src,dst",
    "-m socket --transparent --nowildcard --restore-skmark",
    "-m state --state NEW",
    "-m statistic --mode random --probability 0.33333333349",
    "-m statistic --mode nth --every 3 --packet 1",
    "-m string --string abc --algo bm --from 0 --to 65535",
    "-p tcp -m tcpmss --mss 100:1460",
    "-m time --timestart 10:00:00 --timestop 11:00:00 --weekdays Mon,Tue --datestop 2038-01-19T03:14:07",
    "-m tos --tos 0x10/0x3f",
    "-m ttl --ttl-gt 3",
    '-m u32 --u32 "0x0>>0x16&0x3c@0x4=0x1:0x2"',
    "-m osf --genre Linux",
)
TARGETS = (
    *("ACCEPT", "DROP", "RETURN", "REJECT --reject-with icmp-port-unreachable", "A"),
    *(
        "REJECT --reject-with tcp-reset",
        'LOG --log-prefix "x "',
        "NFLOG --nflog-group 1",
        "NFQUEUE --queue-num 3",
    ),
    *(
        "MARK --set-xmark 0x4000/0x4000",
        "CONNMARK --restore-mark --nfmask 0x3 --ctmask 0x1",
        "CONNSECMARK --save",
    ),
    *("CLASSIFY --set-class 1:1", "CT --notrack", "CT --zone 3 --helper ftp", "DSCP --set-dscp 0x12"),
    *(
        "DNAT --to-destination 10.1.0.1-10.1.0.9:8080-8090 --random --persistent",
        "HL --hl-set 3",
        "TTL --ttl-dec 1",
    ),
    *(
        "MASQUERADE --random-fully",
        "NETMAP --to 10.9.0.0/16",
        "SNAT --to-source 10.0.0.9",
        "TRACE",
        "SYNPROXY",
    ),
    *("REDIRECT --to-ports 15001", "SET --add-set s src,dst --exist --timeout 9", "TEE --gateway 10.0.0.7"),
    *(
        "TCPMSS --clamp-mss-to-pmtu",
        "TCPMSS --set-mss 1200",
        "TCPOPTSTRIP --strip-options 2,3",
        "TOS --set-tos 0x10/0x3f",
    ),
    *(
        "TPROXY --on-port 15001 --on-ip 10.0.0.9 --tproxy-mark 0x1/0x1",
        "NOSUCH --foo 1",
        "CHECKSUM --checksum-fill",
    ),
)
SET = "create s hash:ip,port family inet hashsize 1024 maxelem 65536\nadd s 10.0.0.1,tcp:80\n"


def saved(table: str, chain: str, *rules: str) -> str:
    lines = [f"*{table}", f":{chain} ACCEPT [1:60]", ":A - [0:0]", "-A A -j RETURN"]
    return "\n".join([*lines, *(f"[3:180] -A {chain} {rule}" for rule in rules), "COMMIT", ""])


def examples() -> list[str]:
    """Save texts of one rule each."""
    places = (("filter", "FORWARD"), ("nat", "PREROUTING"), ("mangle", "FORWARD"), ("raw", "PREROUTING"))
    found = [saved("filter", "FORWARD", f"{match} -j DROP") for match in MATCHES]
    for at, target in enumerate(TARGETS):
        found.append(saved(*places[at % len(places)], f"-p tcp -j {target}"))
    long = saved(
        "nat", "PREROUTING", *(f"-d 10.0.{at}.2/32 -p tcp -m tcp --dport {at} -j A" for at in range(70))
    )
    return [*found, long]


WORDS = tuple(
    dict.fromkeys(word for line in (*MATCHES, *TARGETS) for word in line.split() if not word[0].isdigit())
)
