"""Addresses of what nobody outside should reach, in the forms that get past careless checks."""

from urllib.parse import quote

METADATA = "169.254.169.254"
SECRETS = "/latest/meta-data/iam/security-credentials/"

PLAIN = {
    "loopback": "http://127.0.0.1/",
    "loopback, another": "http://127.8.9.10/",
    "loopback, a port": "http://127.0.0.1:5432/",
    "loopback, the mail": "http://127.0.0.1:25/",
    "loopback, over TLS": "https://127.0.0.1/",
    "localhost": "http://localhost/",
    "localhost, capitals": "http://LOCALHOST/",
    "localhost, a dot": "http://localhost./",
    "localhost, below it": "http://api.twilio.com.localhost/",
    "nobody": "http://0.0.0.0/",
    "nobody, short": "http://0/",
    "private, 10": "http://10.0.0.1/",
    "private, 172": "http://172.16.0.1/",
    "private, 172, the last": "http://172.31.255.254/",
    "private, 192": "http://192.168.1.1/",
    "shared by carriers": "http://100.64.0.1/",
    "metadata": f"http://{METADATA}{SECRETS}",
    "metadata, by name": "http://metadata.google.internal/computeMetadata/v1/",
    "metadata, of Alibaba": "http://100.100.100.200/latest/meta-data/",
    "metadata, of containers": "http://169.254.170.2/v2/credentials/",
    "for tests": "http://198.18.0.1/",
    "for tests, 192": "http://192.0.2.1/",
    "to many": "http://224.0.0.1/",
    "to all": "http://255.255.255.255/",
}

OTHER_NUMBERS = {
    "decimal": "http://2130706433/",
    "decimal, metadata": "http://2852039166/",
    "hexadecimal": "http://0x7f000001/",
    "hexadecimal, by parts": "http://0x7f.0x0.0x0.0x1/",
    "hexadecimal, metadata": "http://0xa9fea9fe/",
    "octal": "http://0177.0.0.1/",
    "octal, by parts": "http://0177.0000.0000.0001/",
    "octal, whole": "http://017700000001/",
    "octal, metadata": "http://0251.0376.0251.0376/",
    "octal, long": "http://00000177.0.0.1/",
    "short": "http://127.1/",
    "short, three parts": "http://127.0.1/",
    "mixed": "http://0x7f.1/",
    "beyond 32 bits": "http://4294967297/",
    "a trailing dot": "http://127.0.0.1./",
    "in full width": "http://１２７．０．０．１/",
    "in circles": "http://①②⑦.⓪.⓪.①/",
    "an ideographic dot": "http://127。0。0。1/",
    "percent": "http://%31%32%37.0.0.1/",
}

VERSION_6 = {
    "v6 loopback": "http://[::1]/",
    "v6 loopback, whole": "http://[0:0:0:0:0:0:0:1]/",
    "v6 nobody": "http://[::]/",
    "v6 of one link": "http://[fe80::1]/",
    "v6 of one link, a zone": "http://[fe80::1%25eth0]/",
    "v6 private": "http://[fd00:ec2::254]/latest/meta-data/",
    "v6 private, fc": "http://[fc00::1]/",
    "v6 of old sites": "http://[fec0::1]/",
    "v6 to many": "http://[ff02::1]/",
    "mapped": "http://[::ffff:127.0.0.1]/",
    "mapped, hexadecimal": "http://[::ffff:7f00:1]/",
    "mapped, metadata": f"http://[::ffff:{METADATA}]/",
    "mapped, whole": "http://[0:0:0:0:0:ffff:7f00:0001]/",
    "compatible": "http://[::127.0.0.1]/",
    "translated": "http://[64:ff9b::7f00:1]/",
    "translated, metadata": "http://[64:ff9b::a9fe:a9fe]/",
    "6to4": "http://[2002:7f00:1::]/",
    "6to4, metadata": "http://[2002:a9fe:a9fe::]/",
    "teredo": "http://[2001:0:7f00:1::80ff:fffe]/",
}

# Who reads them in another way than who fetches them believes them to be Twilio's.
MISLEADING = {
    "a user": f"https://api.twilio.com@{METADATA}/",
    "a user and a password": f"https://api.twilio.com:443@{METADATA}/",
    "a user, encoded": "https://api.twilio.com%40127.0.0.1/",
    "two users": "http://127.0.0.1@api.twilio.com@127.0.0.1/",
    "a backslash": "http://127.0.0.1\\@api.twilio.com/",
    "a backslash after": "https://api.twilio.com\\@127.0.0.1/",
    "a fragment": "http://127.0.0.1#@api.twilio.com/",
    "a question": "http://127.0.0.1?@api.twilio.com/",
    "a semicolon": "http://127.0.0.1;@api.twilio.com/",
    "a tab": "http://127.0.0.1\t.api.twilio.com/",
    "a new line": "http://127.0.0.1/\r\nHost: api.twilio.com",
    "a space before": " http://127.0.0.1/",
    "a zero byte": "http://127.0.0.1\0.api.twilio.com/",
    "a name that is longer": "https://api.twilio.com.evil.example/",
    "a name that ends alike": "https://evilapi.twilio.com.example/",
    "a name that looks alike": "https://api.twіlio.com/",
    "a name that means loopback": "http://localtest.me/",
    "a name with the address in it": "http://127.0.0.1.nip.io/",
    "a name that changes": "http://7f000001.a9fea9fe.rbndr.us/",
    "no scheme": "//127.0.0.1/",
    "three slashes": "http:///127.0.0.1/",
    "one slash": "http:/127.0.0.1/",
    "a path up": "https://api.twilio.com/../../@127.0.0.1/",
}

OTHER_SCHEMES = {
    "a file": "file:///etc/passwd",
    "a file here": "file://localhost/etc/passwd",
    "gopher": "gopher://127.0.0.1:6379/_FLUSHALL%0D%0A",
    "dict": "dict://127.0.0.1:11211/stats",
    "ftp": "ftp://127.0.0.1/",
    "data": "data:text/html,<script>alert(1)</script>",
    "a script": "javascript:alert(1)",
    "a jar": "jar:http://127.0.0.1!/",
    "a name of ours": "unix:///var/run/docker.sock",
}


def inner_addresses(leads_to: str) -> dict[str, str]:
    """By what they try; `leads_to` is where one is sent on to the address that follows it."""
    led = {
        "led to metadata": f"http://{METADATA}{SECRETS}",
        "led to loopback": "http://127.0.0.1:5432/",
        "led to v6": "http://[::1]/",
        "led to mapped": "http://[::ffff:7f00:1]/",
        "led to decimal": "http://2852039166/",
        "led to a file": "file:///etc/passwd",
        "led to another scheme": "gopher://127.0.0.1:6379/_INFO",
    }
    redirects = {how: leads_to + quote(url, safe="") for how, url in led.items()}
    twice = leads_to + quote(redirects["led to metadata"], safe="")
    return {
        **PLAIN,
        **OTHER_NUMBERS,
        **VERSION_6,
        **MISLEADING,
        **OTHER_SCHEMES,
        **redirects,
        "led twice": twice,
    }
