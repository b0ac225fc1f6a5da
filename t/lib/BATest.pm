# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
package BATest;

# What the live tests share: requests exactly as written, answers taken apart, rows of the site's database.
# t/check starts everything and says through BA_TEST_STATE where it is.

use strict;
use warnings;
use utf8;
use Digest::SHA qw(hmac_sha256_base64);
use Encode qw(encode_utf8);
use Exporter ();
use IO::Socket::INET ();
use JSON::PP ();
use MIME::Base64 qw(encode_base64 encode_base64url);
use MIME::QuotedPrint qw(decode_qp);
use POSIX ();
use Test::More;
use Time::HiRes ();
use BATest::Log qw(is_announced is_crash is_trouble);
use BATest::MariaDB;
use BATest::Port;

our @ISA = qw(Exporter);
our @EXPORT = (@Test::More::EXPORT, qw(state flavour sites each_site request post header headers cookies cookie_header
    json_is error_is no_session user_count session_count sql clean signed basic certificate sign_up new_email expect_log log_lines
    uri_escape expect_private_log is_httpd dialect free_port mariadb mails jwt moment
    private_httpd private_mariadb semaphores schema configtest parallel SECRET ORIGIN PASSWORD));

use constant { PASSWORD => 'correct horse battery' };

# "use BATest -own;" says that a test has no servers but those it starts itself, and may run beside any other (t/check).
my $own;

sub import {
    my ($class, @how) = @_;
    $own = 1 if grep { $_ eq '-own' } @how;
    $class->export_to_level(1, $class);
}

binmode $_, ':utf8' for Test::More->builder->output, Test::More->builder->failure_output, Test::More->builder->todo_output;

my $STATE;

sub state {
    return $STATE if $STATE;
    my $file = $ENV{BA_TEST_STATE} or plan(skip_all => 'needs the servers of t/check');
    open my $in, '<', $file or die "$file: $!\n";
    local $/;
    return $STATE = JSON::PP->new->utf8->decode(<$in>);
}

sub SECRET { BATest::state()->{secret} }
sub ORIGIN { BATest::state()->{origin} }

# "plain", or "asan" when the same file runs against the build with sanitizers.
sub flavour { $ENV{BA_FLAVOUR} || 'plain' }

sub _httpd { BATest::state()->{flavours}{ flavour() } || {} }

sub _site {
    my ($name) = @_;
    my $npm = BATest::state()->{npm};
    my $ours = _httpd()->{sites}{$name};
    die "$name belongs to all tests: say \"use BATest;\" without -own\n" if $own && !($ours && $ours->{private});
    return $ours || ($name =~ /^npm-?(.*)/ && $npm->{ $1 || 'main' }) || die "no site $name\n";
}

# The databases an endpoint has to behave alike on. BA_SITES=npm runs a test against the npm server instead, which
# proves that what the test expects is what better-auth does. kind: "mail" or "strict" of BATest::Sites.
sub sites { my ($kind) = @_; return map { $kind ? "$kind-$_" : $_ } $ENV{BA_SITES} ? split /,/, $ENV{BA_SITES} : split ' ', $ENV{BA_DIALECTS} // 'mysql sqlite' }

sub free_port { return BATest::Port::free(BATest::state()->{workdir}) }

sub is_httpd { $_[0] !~ /^npm/ }
sub dialect  { _site($_[0])->{dialect} }

# A moment that many seconds from now, as the site's database holds it.
sub moment {
    my ($site, $seconds) = @_;
    my $at = Time::HiRes::time() + $seconds;
    my $fraction = sprintf '%03d', ($at - int $at) * 1000;
    return POSIX::strftime(dialect($site) eq 'mysql' ? "%Y-%m-%d %H:%M:%S.$fraction" : "%Y-%m-%dT%H:%M:%S.${fraction}Z", gmtime $at);
}

sub each_site(&;$) {
    my ($code, $kind) = @_;
    for my $site (sites($kind)) {
        subtest($site => sub { clean($site); $code->($site) });
    }
}

sub mariadb { BATest::MariaDB->attach(%{ BATest::state()->{mariadb} }) }

# --- An httpd of the test's own ---------------------------------------------------------------------------------------

my @private;

# Killed, a test still has to run its END blocks, which stop what it started.
sub stop_cleanly { $SIG{$_} = sub { exit 1 } for qw(TERM INT) }

# One site on an httpd and, when one is passed, a database server of its own: for tests that break things.
#   name, mariadb + database or nothing (SQLite), limit: instead of "BetterAuthRateLimit off", cache: instead of "BetterAuthSessionCache off", extra: more directives of the site, main: directives outside of it, first: those before our module is loaded, mpm: prefork or worker, schema: 0 = none
sub private_httpd {
    my (%o) = @_;
    require BATest::Httpd;
    require BATest::Sites;
    stop_cleanly();
    my $state = BATest::state();
    my $dir = "$state->{workdir}/$o{name}-" . flavour();
    my %site = (dialect => $o{mariadb} ? 'mysql' : 'sqlite', port => free_port(), extra => $o{extra}, limit => $o{limit}, cache => $o{cache}, private => 1);
    my $params;
    if ($o{mariadb}) { $params = $o{mariadb}->dbd_params($site{database} = $o{database}) }
    else {
        require File::Path;
        File::Path::make_path($dir);
        $params = $site{file} = "$dir/site.db";
        BATest::MariaDB::_pipe(_slurp(schema('sqlite3')), 'sqlite3', $site{file}) unless exists $o{schema};
    }
    my $conf = BATest::Sites::conf(\%site, %$state, params => $params);
    my $httpd = BATest::Httpd->new(dir => $dir, port => free_port(), module => _httpd()->{module}, env => _httpd()->{env}, main => $o{main}, first => $o{first}, mpm => $o{mpm},
        sites => [{ name => $o{name}, port => $site{port}, conf => $conf }]);
    push @private, $httpd;
    $state->{flavours}{ flavour() }{sites}{ $o{name} } = \%site;
    return $httpd->launch;
}

sub private_mariadb {
    my ($name) = @_;
    stop_cleanly();
    my $state = BATest::state();
    my $server = BATest::MariaDB->new(dir => "$state->{workdir}/$name-" . flavour() . '-db', port => free_port(), template => $state->{mariadb}{template});
    return $server->install;
}

# How many semaphores there are that this httpd has made. Others make theirs meanwhile.
sub semaphores {
    my ($httpd) = @_;
    my %ours = map { $_ => 1 } _slurp($httpd->error_log) =~ /BA0107: .* semaphore (\d+)/g;
    open my $in, '<', '/proc/sysvipc/sem' or return 0;
    return scalar grep { $ours{ (split)[1] } } <$in>;
}

sub schema {
    my ($dialect) = @_;
    my $dir = BATest::state()->{srcdir};
    return ((sort glob "$dir/sql/$dialect/[0-9]*.sql"), "$dir/t/conf/mails-$dialect.sql");
}
sub _slurp { local @ARGV = @_; local $/; return join '', <> }

# `apachectl configtest` of a site; answers status and output.
sub configtest {
    my ($conf, @without) = @_;
    require BATest::Httpd;
    my $httpd = _httpd();
    return BATest::Httpd->configtest(dir => BATest::state()->{workdir} . '/configtest-' . flavour() . "-$$", conf => $conf, env => $httpd->{env},
        load => BATest::Httpd::load_modules((grep { $_ eq 'betterauth' } @without) ? undef : $httpd->{module}, @without));
}

# Runs code in processes of their own, at the same time; answers what each printed (one line of text each).
sub parallel {
    my ($count, $code) = @_;
    pipe my $go_in, my $go_out or die "pipe: $!";
    my (@from, @pids);
    for my $n (1 .. $count) {
        pipe my $in, my $out or die "pipe: $!";
        my $pid = fork // die "fork: $!";
        if (!$pid) {
            close $go_out;
            sysread $go_in, my $go, 1;    # until the parent lets all of them go
            my $text = eval { $code->($n) } // "died: $@";
            syswrite $out, $text;
            POSIX::_exit(0);
        }
        close $out;
        push @from, $in;
        push @pids, $pid;
    }
    close $go_in;
    close $go_out;
    my @said = map { local $/; my $said = readline($_); defined $said ? $said : '' } @from;
    waitpid $_, 0 for @pids;
    return @said;
}

# --- Requests ---------------------------------------------------------------------------------------------------------

sub _connect {
    my ($name) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => _site($name)->{port});
}

# One request, one connection, nothing added but Host, Connection and Content-Length.
#   headers => [ name => value, ... ], body => bytes, json => data, form => [ name => value, ... ], cookie => text,
#   origin => text, length => number (instead of the true one), tail => bytes (a body without a length), timeout => seconds
# Answers undef when the server closed without an answer.
sub request {
    my ($site, $method, $path, %o) = @_;
    my @headers = @{ $o{headers} || [] };
    my $body = $o{body};
    if (exists $o{json}) {
        $body = JSON::PP->new->utf8->canonical->allow_nonref->encode($o{json});
        unshift @headers, 'Content-Type' => 'application/json';
    }
    if ($o{form}) {
        my @form = @{ $o{form} };
        my @pairs;
        while (my ($k, $v) = splice @form, 0, 2) { push @pairs, uri_escape($k) . '=' . uri_escape($v) }
        $body = join '&', @pairs;
        unshift @headers, 'Content-Type' => 'application/x-www-form-urlencoded';
    }
    push @headers, Cookie => $o{cookie} if defined $o{cookie};
    push @headers, Origin => $o{origin} if defined $o{origin};
    my $text = "$method $path HTTP/1.1\r\nHost: " . ($o{host} // 'auth.test') . "\r\n";
    my $connection = 'close';
    while (my ($k, $v) = splice @headers, 0, 2) {
        if (lc $k eq 'connection') { $connection = "close, $v"; next }
        $text .= "$k: $v\r\n";
    }
    $text .= "Connection: $connection\r\n";
    $text .= 'Content-Length: ' . ($o{length} // length $body) . "\r\n" if defined $body;
    $text .= "\r\n" . ($body // '') . ($o{tail} // '');
    utf8::encode($text) if utf8::is_utf8($text) && $text =~ /[^\x00-\xff]/;

    my $socket = _connect($site) or return undef;
    local $SIG{PIPE} = 'IGNORE';
    local $SIG{ALRM} = sub { die "no answer from $site to $method $path\n" };
    alarm($o{timeout} || 60);
    my $sent = 0;
    while ($sent < length $text) {    # a server may refuse and stop reading before the end
        my $n = syswrite $socket, $text, 65536, $sent;
        last unless $n;
        $sent += $n;
    }
    my $raw = '';
    1 while sysread $socket, $raw, 65536, length $raw;
    alarm 0;
    return _parse($raw, $method);
}

sub _parse {
    my ($raw, $method) = @_;
    $raw =~ s/\AHTTP\/1\.[01] 1\d\d.*?\r\n\r\n//s;
    my ($head, $body) = split /\r\n\r\n/, $raw, 2;
    return undef unless defined $head && $head =~ s/\AHTTP\/1\.[01] (\d+) ?([^\r\n]*)(?:\r\n)?//;
    my %answer = (status => $1, reason => $2, headers => [map { [split /: */, $_, 2] } split /\r\n/, $head]);
    $body //= '';
    if ((header(\%answer, 'transfer-encoding') // '') =~ /chunked/i) {
        my $plain = '';
        while ($body =~ s/\A([0-9a-f]+)[^\r\n]*\r\n//i) {
            my $n = hex $1 or last;
            $plain .= substr $body, 0, $n + 2, '';
            substr $plain, -2, 2, '';
        }
        $body = $plain;
    }
    $answer{body} = $body;
    $answer{json} = eval { JSON::PP->new->utf8->allow_nonref->decode($body) } if length $body;
    return \%answer;
}

# POST of JSON from a page of our own origin: what a browser's client sends.
sub post {
    my ($site, $path, $data, %o) = @_;
    return request($site, POST => "/api/auth$path", json => $data, origin => ORIGIN(), %o);
}

sub headers {
    my ($answer, $name) = @_;
    return map { $_->[1] } grep { lc $_->[0] eq lc $name } @{ $answer->{headers} };
}

sub header { (headers(@_))[0] }

# Set-Cookie lines: { name => { value, attributes } }, and the names in order under ''.
sub cookies {
    my ($answer) = @_;
    my %cookies = ('' => []);
    for my $line (headers($answer, 'set-cookie')) {
        my ($name, $value, $rest) = $line =~ /^([^=]+)=([^;]*)(?:; (.*))?$/ or next;
        push @{ $cookies{''} }, $name;
        $cookies{$name} = { value => $value, attributes => $rest // '' };
    }
    return \%cookies;
}

# What a browser would send back.
sub cookie_header {
    my ($answer) = @_;
    my $cookies = cookies($answer);
    return join '; ', map { "$_=$cookies->{$_}{value}" } grep { $cookies->{$_}{attributes} !~ /Max-Age=0/ } @{ $cookies->{''} };
}

sub uri_escape { my $s = $_[0]; utf8::encode($s) if utf8::is_utf8($s); $s =~ s/([^A-Za-z0-9\-_.!~*'()])/sprintf '%%%02X', ord $1/ge; $s }

sub signed {
    my ($value, $secret) = @_;
    my $mac = hmac_sha256_base64($value, $secret // SECRET());
    $mac .= '=' while length($mac) % 4;
    return uri_escape("$value.$mac");
}

# The header of somebody who sends a password.
sub basic { my ($name, $password) = @_; return [Authorization => 'Basic ' . encode_base64("$name:$password", '')] }

# Paths of a key and a certificate for that host, BASE.key and BASE.crt.
sub certificate {
    my ($base, $host) = @_;
    my $kind = $host =~ /^[\d.]+$/ ? 'IP' : 'DNS';
    my ($key, $cert) = map { "$base.$_" } qw(key crt);
    system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=$host -addext subjectAltName=$kind:$host "
        . "-addext basicConstraints=critical,CA:FALSE -keyout '$key' -out '$cert' 2>/dev/null") == 0 or die "openssl makes no certificate\n";
    return ($key, $cert);
}

# --- Answers ----------------------------------------------------------------------------------------------------------

sub json_is {
    my ($answer, $status, $name) = @_;
    return is($answer->{status}, $status, $name)
        && is(header($answer, 'content-type'), 'application/json', "$name: is JSON, without a charset");
}

sub error_is {
    my ($answer, $status, $code, $message, $name) = @_;
    $name //= "$status $code";
    subtest($name => sub {
        ok($answer, 'there is an answer') or return;
        json_is($answer, $status, 'status');
        is_deeply($answer->{json}, { ($code ? (code => $code) : ()), message => $message }, 'body') or diag $answer->{body};
        is_deeply(cookies($answer)->{''}, [], 'sets no cookie');
    });
}

sub no_session {
    my ($site, $cookie, $name) = @_;
    my $answer = request($site, GET => '/api/auth/get-session', cookie => $cookie);
    return is("$answer->{status} $answer->{body}", '200 null', $name);
}

# --- Rows -------------------------------------------------------------------------------------------------------------

sub sql {
    my ($name, $statement) = @_;
    my $site = _site($name);
    return mariadb()->sql($statement, $site->{database}) if $site->{dialect} eq 'mysql';
    my $rows = BATest::MariaDB::_pipe($statement, 'sqlite3', '-cmd', '.timeout 10000', '-batch', '-noheader',
        '-separator', "\t", '-nullvalue', 'NULL', $site->{file});
    $rows =~ s/\A.*?\n// if $rows =~ /\A10000\n/;
    return map { [map { $_ eq 'NULL' ? undef : $_ } split /\t/, $_, -1] } split /\n/, $rows;
}

sub clean { sql($_[0], join ' ', map { "DELETE FROM $_;" } qw(session account user verification ba_mail test_mail)) }

# What was mailed since the last clean, oldest first: { to, message, url, page }; url is the endpoint that the
# link in it is for, page the link itself; undef if there is none.
#   to: only those to this address
sub mails {
    my ($name, $to) = @_;
    my @mails;
    for (sql($name, 'SELECT recipient, HEX(message) FROM test_mail ORDER BY n')) {
        my ($recipient, $text) = ($_->[0], pack 'H*', $_->[1]);
        next if defined $to && $recipient ne $to;
        # the plain text of a message of httpd; npm's are the link alone
        my ($encoding, $plain) = $text =~ m{^Content-Type: text/plain[^\n]*\nContent-Transfer-Encoding: ([\w-]+)\s*\n(.*?)\n--=_}ms;
        $plain = !defined $plain ? $text : $encoding eq 'quoted-printable' ? decode_qp($plain) : $plain;
        my ($url) = $plain =~ m{(https?://[^/\s]+(?:/api)?/auth/\S+)};
        # the page that a mail leads to, and the endpoint behind it, which takes the same query
        my $page = $url;
        $url =~ s{^(https?://[^/]+)/auth/(verify-email|delete-account)\?}{"$1/api/auth/" . ($2 eq 'verify-email' ? $2 : 'delete-user/callback') . '?'}e if defined $url;
        push @mails, { to => $recipient, message => $text, url => $url, page => $page };
    }
    return @mails;
}

# A token as better-auth signs them; claims: JSON text.
sub jwt {
    my ($claims, %o) = @_;
    my $text = join '.', map { encode_base64url($_) } $o{header} // '{"alg":"HS256"}', $claims;
    return "$text." . (hmac_sha256_base64($text, $o{secret} // SECRET()) =~ tr{+/}{-_}r);
}

sub _count { my ($site, $table, $where) = @_; (sql($site, "SELECT COUNT(*) FROM $table" . ($where ? " WHERE $where" : '')))[0][0] }
sub user_count    { _count($_[0], 'user',    $_[1]) }
sub session_count { _count($_[0], 'session', $_[1]) }

my $serial = 0;
sub new_email { sprintf 'user%d-%d@example.com', $$, ++$serial }

sub sign_up {
    my ($site, %user) = @_;
    my %body = (name => 'Test', email => new_email(), password => PASSWORD, %user);
    my $answer = post($site, '/sign-up/email', \%body);
    ok($answer && $answer->{status} == 200, "$body{email} signs up")
        or diag $answer ? "$answer->{status} $answer->{body}" : 'no answer';
    return { %body, answer => $answer, cookie => cookie_header($answer), token => $answer->{json}{token},
        user => $answer->{json}{user} };
}

# --- The error log ----------------------------------------------------------------------------------------------------

# What an error log has no line of, if all is well.
sub is_complaint { return is_trouble($_[0]) || is_crash($_[0]) }

my %read;

# Lines at warn or above. t/zz-error-log.t fails on each of them that no test expected while it ran; of a private httpd's
# log this file does so at its end, unless it has looked at it by this.
sub log_lines {
    my ($file, $from, $to) = @_;
    open my $in, '<:raw', $file or return;
    $read{$file} = 1;
    seek $in, $from // 0, 0;
    my @lines;
    while (my $line = <$in>) {
        chomp $line;
        push @lines, $line if is_complaint($line);
        last if defined $to && tell($in) >= $to;
    }
    return @lines;
}

my (@expected, @expected_private, $log_start);

# Tags (BA0123, AH00123) this file provokes on purpose, or words of lines that have no tag.
sub expect_log {
    push @expected, @_;
    $log_start //= -s ((_httpd()->{dir} // '') . '/logs/error_log') // 0;
}

# More of this file's private httpds.
sub expect_private_log { push @expected_private, @_ }

my $main = $$;

# Of the private servers. What crashed is never all right, whoever looked.
sub _unexpected {
    my @lines;
    for my $file (map { $_->error_log } @private) {
        open my $in, '<:raw', $file or next;
        push @lines, grep { is_crash($_) || !$read{$file} && is_complaint($_) && !is_announced($_, @expected, @expected_private) } <$in>;
    }
    return @lines;
}

END {
    if ($$ == $main) {
        { local $?; $_->stop for @private }
        if (my @lines = _unexpected()) {
            diag 'in the error log of a private httpd, and not expected: ', @lines > 20 ? @lines[0 .. 19] : @lines;
            $? ||= 1;
        }
    }
    if (@expected && (my $dir = _httpd()->{dir})) {
        open my $out, '>>', BATest::state()->{workdir} . '/expected-log';
        print {$out} join("\t", flavour(), $log_start, -s "$dir/logs/error_log", @expected), "\n" if $out;
    }
}

1;
