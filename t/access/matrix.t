#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# The guard, cell by cell: place × content × state of the session × client × method, against the rules of BATest::Matrix.
# One line for each cell that is wrong. All of it on MariaDB with event; parts of it on SQLite, HTTP/2, prefork and worker.
# BA_CELLS=REGEX runs only the cells whose name fits.
use strict;
use warnings;
use utf8;
use BATest -own;
use BATest::Matrix;
use BATest::Sites;
use POSIX ();
use Time::HiRes qw(time);

plan skip_all => 'needs httpd' if $ENV{BA_SITES};
*PLACES = \%BATest::Matrix::PLACES;
*CONTENTS = \%BATest::Matrix::CONTENTS;
*STATES = \%BATest::Matrix::STATES;
*CLIENTS = \%BATest::Matrix::CLIENTS;
*METHODS = \%BATest::Matrix::METHODS;
our (%PLACES, %CONTENTS, %STATES, %CLIENTS, %METHODS);

my $state = BATest::state();
my $work = "$state->{workdir}/matrix-" . flavour();
my %USERS = (alice => { email => 'alice@staff.example', name => "\x{c4}lice 50%", verified => 'true' }, bob => { email => 'bob@example.com', name => 'Bob', verified => 'false' });
my $ENCODED = { alice => '%C3%84lice%2050%25', bob => 'Bob' };

# --- A program behind FastCGI, that says what it was told --------------------------------------------------------------

my $fcgi_port = free_port();
my $fcgi = fork // die "fork: $!";
if (!$fcgi) { eval { serve_fcgi($fcgi_port) }; POSIX::_exit(0) }
my $self = $$;
END { if ($fcgi && $$ == $self) { local $?; kill TERM => $fcgi; waitpid $fcgi, 0 } }

sub serve_fcgi {
    my ($port) = @_;
    $SIG{TERM} = 'DEFAULT';
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 32, ReuseAddr => 1) or die "$port: $!";
    $SIG{PIPE} = 'IGNORE';
    while (my $client = $listen->accept) {
        my $params = '';
        while (read($client, my $head, 8) == 8) {
            my (undef, $type, $id, $length, $padding) = unpack 'CCnnC', $head;
            read $client, my $content, $length if $length;
            read $client, my $rest, $padding if $padding;
            if ($type == 4) { $params .= $content if $length; next }
            next if $type != 5 || $length;    # the end of the body
            my $text = "Content-Type: text/plain\r\n\r\na page\n";
            while (length $params) {
                my ($name, $value) = map { my $n = ord $params; $n & 128 ? unpack('N', substr $params, 0, 4, '') & 0x7fffffff : do { substr $params, 0, 1, ''; $n } } 1, 2;
                $text .= substr($params, 0, $name, '') . '=' . substr($params, 0, $value, '') . "\n";
            }
            print {$client} pack('CCnnCC', 1, 6, $id, length $text, 0, 0), $text, pack('CCnnCCNx4', 1, 3, $id, 8, 0, 0, 0);
            last;
        }
        close $client;
    }
}

# --- Cells -------------------------------------------------------------------------------------------------------------

# Every place with one content that says what it was told; every content in three places, with less of the rest.
sub all_cells {
    my @cells;
    my $add = sub { my ($place, $content, $states, @asked) = @_; for my $s (@$states) { push @cells, map { { place => $place, content => $content, state => $s, client => $_->[0], method => $_->[1] } } @asked } };
    my @states = sort keys %STATES;
    for my $place (sort keys %PLACES) { $add->($place, 'ssi', \@states, @BATest::Matrix::ASKED) }
    my @few = ([browser => 'GET'], [program => 'GET'], [trusted => 'GET'], [forger => 'GET'], [dropper => 'GET'], [program => 'HEAD'], [browser => 'form'], [forger => 'form'],
        [fetch => 'json'], [forger => 'OPTIONS'], [trusted => 'preflight'], [foreign => 'preflight'], [fetch => 'PUT'], [forger => 'PROPFIND']);
    for my $content (grep { $_ ne 'ssi' } sort keys %CONTENTS) {
        for my $place (grep { BATest::Matrix::has($_, $content) } qw(location directory optional open)) {
            next if $place eq 'directory' && $content eq 'cgi';    # costs most and shows least
            $add->($place, $content, [qw(none valid due revoked forged)], $content eq 'cgi' ? @few[0, 3, 4, 7, 9] : @few);
        }
    }
    return grep { !$ENV{BA_CELLS} || name_of($_) =~ /$ENV{BA_CELLS}/ } @cells;
}

sub name_of { my ($c) = @_; return "$c->{place} $c->{content}, $c->{state}, $c->{client} $c->{method}" }

# Every nth, so that each table is still met in all of its parts.
sub slice { my ($n, @cells) = @_; return @cells[grep { $_ % $n == 0 } 0 .. $#cells] }

# --- Sessions ----------------------------------------------------------------------------------------------------------

my %people;    # site => name => id

sub prepare {
    my ($site, @cells) = @_;
    clean($site);
    for my $who (sort keys %USERS) {
        my $up = sign_up($site, %{ $USERS{$who} }{qw(email name)});
        $people{$site}{$who} = $up->{user}{id};
    }
    sql($site, "UPDATE user SET emailVerified = 1 WHERE email = '$USERS{alice}{email}'");
    my $at = sub { moment($site, $_[0] * 86400) };
    my @rows;
    my $row = sub { my ($token, $who, $from, $to) = @_; push @rows, "('id-$token', '$token', '$people{$site}{$who}', '" . join("', '", $at->($to), $at->($from), $at->($from), '', '') . "')"; return $token };
    my %shared = (valid => $row->('v' x 32, 'alice', 0, 7), unverified => $row->('u' x 32, 'bob', 0, 7));
    my $n = 0;
    for my $cell (@cells) {
        my $s = $cell->{state};
        # a look renews the one and deletes the other
        my $token = $shared{$s} || ($s eq 'due' ? $row->(sprintf('d%031d', ++$n), 'alice', -2, 5) : $s eq 'expired' ? $row->(sprintf('e%031d', ++$n), 'alice', -9, -2) : 'r' x 32);
        $cell->{session} = "id-$token";
        $cell->{cookie} = 'a=b' . ($s eq 'none' ? '' : '; better-auth.session_token=' . signed($token, $s eq 'forged' ? 'another key, that nobody here knows' : SECRET) . '; c=d');
    }
    while (my @some = splice @rows, 0, 500) {
        sql($site, 'INSERT INTO session (id, token, userId, expiresAt, createdAt, updatedAt, ipAddress, userAgent) VALUES ' . join(', ', @some) . ';');
    }
}

# --- Requests, one after the other on one connection -------------------------------------------------------------------

my %connections;

sub request_of {
    my ($cell) = @_;
    my ($client, $method) = ($CLIENTS{ $cell->{client} }, $METHODS{ $cell->{method} });
    return ($method->{method}, BATest::Matrix::path($cell), $method->{body}, @{ $client->{headers} }, @{ $method->{headers} || [] },
        $method->{type} ? ('Content-Type' => $method->{type}) : (), Cookie => $cell->{cookie});
}

sub ask {
    my ($site, $cell) = @_;
    my ($method, $path, $body, @headers) = request_of($cell);
    my $text = "$method $path HTTP/1.1\r\nHost: auth.test\r\n";
    while (my ($name, $value) = splice @headers, 0, 2) { $text .= "$name: $value\r\n" }
    $text .= 'Content-Length: ' . length($body) . "\r\n" if defined $body;
    $text .= "\r\n" . ($body // '');
    local $SIG{PIPE} = 'IGNORE';
    local $SIG{ALRM} = sub { die "no answer to $method $path\n" };
    alarm 30;
    my $answer;
    for my $try (1, 2) {    # httpd may have closed it meanwhile
        my $socket = $connections{$site} ||= { socket => BATest::_connect($site) || die("no connection to $site\n"), read => '' };
        print { $socket->{socket} } $text;
        $socket->{socket}->flush;
        $answer = read_answer($socket, $method);
        delete $connections{$site} if !$answer || (header($answer, 'connection') // '') =~ /close/i;
        last if $answer;
    }
    alarm 0;
    return $answer;
}

# One answer, however long it says it is.
sub read_answer {
    my ($c, $method) = @_;
    my $more = sub { sysread $c->{socket}, $c->{read}, 65536, length $c->{read} };
    until ($c->{read} =~ /\r\n\r\n/) { $more->() or return undef }
    $c->{read} =~ s/\A(.*?\r\n\r\n)//s;
    my $head = $1;
    return read_answer($c, $method) if $head =~ /\AHTTP\/1\.1 1\d\d/;
    my $raw = '';
    if ($method eq 'HEAD' || $head =~ /\AHTTP\/1\.1 (?:204|304)/) { }
    elsif ($head =~ /^Transfer-Encoding: *chunked/mi) {
        while (1) {
            until ($c->{read} =~ /\A[0-9a-f]+[^\r\n]*\r\n/i) { $more->() or return undef }
            my ($length, $n) = ($c->{read} =~ /\A([0-9a-f]+)[^\r\n]*\r\n/i and ($+[0], hex $1));
            until (length $c->{read} >= $length + $n + 2) { $more->() or return undef }
            $raw .= substr $c->{read}, $length, $n;
            substr $c->{read}, 0, $length + $n + 2, '';
            last if !$n;
        }
        $head =~ s/^Transfer-Encoding:[^\r\n]*\r\n//mi;
    }
    elsif ($head =~ /^Content-Length: *(\d+)/mi) {
        my $n = $1;
        until (length $c->{read} >= $n) { $more->() or return undef }
        $raw = substr $c->{read}, 0, $n, '';
    }
    else { 1 while $more->(); $raw = $c->{read} }
    return BATest::_parse($head . $raw, $method);
}

# The same by curl, over HTTP/2 without TLS, on a connection each. Without bodies: that of Debian 12 takes it amiss when any
# httpd answers before it has read them.
sub ask_http2 {
    my ($site, $cell) = @_;
    my $port = BATest::_site($site)->{port};
    my ($method, $path, undef, @headers) = request_of($cell);
    my @named = grep { lc eq 'accept' } @headers;
    my @line = ('curl', '-s', '-S', '-i', '--raw', '--http2-prior-knowledge', '-m', 30, '--noproxy', '*', -X => $method,
        -H => 'Host: auth.test', -H => 'User-Agent:', @named ? () : (-H => 'Accept:'));
    while (my ($name, $value) = splice @headers, 0, 2) { push @line, -H => "$name: $value" }
    open my $in, '-|', @line, "http://127.0.0.1:$port$path" or die "curl: $!";
    my $raw = do { local $/; <$in> // '' };
    close $in;
    return $raw =~ s{\AHTTP/2 (\d+) ?}{HTTP/1.1 $1 } ? BATest::_parse($raw, $method) : undef;
}

# --- What was answered, and whether it is what was expected ------------------------------------------------------------

# Everything that speaks of a person, by one name each: what back ends take for the same is the same.
sub told {
    my ($cell, $answer) = @_;
    my $content = $CONTENTS{ $cell->{content} };
    my (@told, $kept);
    if ($content->{told} eq 'env') {
        @told = map { [split /=/, $_, 2] } grep { /^[^=]+=/ } split /\n/, $answer->{body};
        # page's entities: what is inside these values has none
        $_->[0] =~ s/^(?:REMOTE_USER|AUTH_TYPE)$/env:$&/ || $_->[0] =~ s/^BETTERAUTH_/env:$&/ || $_->[0] =~ s/^HTTP_// for @told;
    }
    else {
        my @raw = @{ $answer->{json}{headers} || [] };
        while (my ($name, $value) = splice @raw, 0, 2) { push @told, [$name, $value] }
    }
    for (@told) { $_->[0] =~ /^env:/ or $_->[0] = lc($_->[0]) =~ s/[^a-z0-9]/-/gr }
    ($kept) = map { $_->[1] } grep { $_->[0] eq 'cookie' } @told;
    return (join("\n", sort map { "$_->[0]=$_->[1]" } grep { $_->[0] =~ /^env:|^x-auth-|^(?:x-)?remote-user|^x-forwarded-user/ } @told), $kept);
}

sub ought_to_be_told {
    my ($site, $cell, $who) = @_;
    return '' if !$who;
    my $user = $USERS{$who};
    my $id = $people{$site}{$who};
    utf8::encode(my $name = $user->{name});
    my @told = ("x-auth-user-id=$id", "x-auth-email=$user->{email}", "x-auth-name=$ENCODED->{$who}", "x-auth-email-verified=$user->{verified}", "x-auth-session-id=$cell->{session}");
    push @told, "env:REMOTE_USER=$user->{email}", 'env:AUTH_TYPE=Session', "env:BETTERAUTH_USER_ID=$id", "env:BETTERAUTH_EMAIL=$user->{email}", "env:BETTERAUTH_NAME=$name",
        "env:BETTERAUTH_EMAIL_VERIFIED=$user->{verified}", "env:BETTERAUTH_SESSION_ID=$cell->{session}" if $CONTENTS{ $cell->{content} }{told} eq 'env';
    return join "\n", sort @told;
}

sub cookies_said {
    my ($answer) = @_;
    my @lines = headers($answer, 'set-cookie');
    my @kinds = map { /^better-auth\.session_token=[^;]+; Max-Age=604800; Path=\/; HttpOnly; SameSite=Lax$/ ? 'renewed' : /^better-auth\.\w+=; Max-Age=0;/ ? 'cleared' : "? $_" } @lines;
    my %seen;
    return join ' ', grep { !$seen{$_}++ } @kinds;
}

# Names of the facts that are not as expected, with what they are instead.
sub differences {
    my ($site, $cell, $want, $answer) = @_;
    return 'no answer' if !$answer;
    my $method = $METHODS{ $cell->{method} }{method};
    my @wrong;
    my $is = sub { my ($what, $got, $ought) = @_; push @wrong, "$what: " . ($got // '-') . ', not ' . ($ought // '-') if ($got // '-') ne ($ought // '-') };
    my $has = sub { my ($what, $words, @ought) = @_; my %got = map { lc s/^\s+|\s+$//gr => 1 } split /,/, $words; $got{ lc $_ } or push @wrong, "$what: $words, lacks $_" for @ought };
    my $type = header($answer, 'content-type');
    my $cache = join ',', headers($answer, 'cache-control');
    $is->(status => $answer->{status}, $want->{status});
    $is->(location => scalar header($answer, 'location'), $want->{location});
    $is->(challenge => scalar header($answer, 'www-authenticate'), $want->{challenge});
    $is->(cookies => cookies_said($answer), $want->{cookies});
    $is->(origin => scalar header($answer, 'access-control-allow-origin'), $want->{origin});
    $is->(credentials => scalar header($answer, 'access-control-allow-credentials'), $want->{origin} && 'true');
    $is->(allowed => join(' ', map { header($answer, "access-control-allow-$_") // () } qw(methods headers)), $want->{allowed} // '');
    $is->(always => join('|', headers($answer, 'x-always')), $want->{always});
    push @wrong, 'type: ' . ($type // '-') if $want->{type} && ($type // '') !~ $want->{type};
    push @wrong, 'no Retry-After' if $want->{retry} && !header($answer, 'retry-after');
    $has->(cache => $cache, @{ $want->{cache} || [] });
    push @wrong, "cache: $cache" if $want->{cache} && !@{ $want->{cache} } && $cache;
    $has->(vary => join(',', headers($answer, 'vary')), @{ $want->{vary} || [] });
    return @wrong if $method eq 'HEAD';
    $is->(code => $answer->{json} && ref $answer->{json} && $answer->{json}{code}, $want->{code});
    push @wrong, 'the page does not say ' . $want->{text} if defined $want->{text} && index($answer->{body}, $want->{text}) < 0;
    if (!$want->{reached}) {
        push @wrong, 'what is behind was reached' if $answer->{body} =~ /a page|entry\.txt|"backend"/;
        return @wrong;
    }
    $is->(user => scalar header($answer, 'x-user'), $answer->{status} =~ /^20[07]$/ ? '[' . ($want->{user} ? $USERS{ $want->{user} }{email} : '') . ']' : undef);
    if (defined $want->{told}) {
        my ($told, $cookie) = told($cell, $answer);
        $is->(told => $told, ought_to_be_told($site, $cell, $want->{told}));
        $is->(cookie => $cookie, $cell->{state} eq 'none' ? 'a=b' : 'a=b; c=d') if $want->{kept};
    }
    elsif ($answer->{status} == 200 && $method =~ /^(?:GET|POST)$/) { push @wrong, 'what is behind was not reached' if $answer->{body} !~ /a page|entry\.txt|"backend"/ }
    return @wrong;
}

my ($cells, $failures) = (0, 0);

# One line of TAP for all, one line for each that is wrong.
sub check {
    my ($site, $name, $ask, @cells) = @_;
    my ($start, $wrong) = (time, 0);
    for my $cell (@cells) {
        my @wrong = differences($site, $cell, BATest::Matrix::expect($cell), $ask->($site, $cell));
        next unless @wrong;
        diag(name_of($cell) . ': ' . join '; ', map { s/\n/ /gr } @wrong) if ++$wrong <= 40;
    }
    is($wrong, 0, "$name: " . @cells . ' cells');
    note sprintf '%s: %.1f s', $name, time - $start;
    $cells += @cells;
    $failures += $wrong;
}

# --- Servers -----------------------------------------------------------------------------------------------------------

my $tree = BATest::Matrix::tree($work);
my $main = "MaxKeepAliveRequests 0\nDavLockDB \"$work/davlock\"\n";

sub server {
    my ($site, %o) = @_;
    my $db = mariadb();
    (my $database = "$site-" . flavour()) =~ tr/-/_/;
    $db->create($database, schema('mysql'));
    return private_httpd(name => $site, mariadb => $db, database => $database, mpm => $o{mpm}, extra => BATest::Matrix::config($tree, $fcgi_port),
        main => BATest::Sites::load(qw(dav dav_fs negotiation proxy_fcgi), $o{mpm} ? () : 'http2') . $main . ($o{main} // ''));
}

my @all = all_cells();
my @up = grep { $_->{state} ne 'down' } @all;
BATest::MariaDB::_pipe(BATest::_slurp(schema('sqlite3')), 'sqlite3', "$work/lite.db");
my $event = server('matrix', main => join '',
    BATest::Sites::vhost('matrix-lite', file => "$work/lite.db", extra => BATest::Matrix::config($tree, $fcgi_port)),
    BATest::Sites::vhost('matrix-open', file => "$work/lite.db", extra => BATest::Matrix::config($tree, $fcgi_port, unguarded => 1)),
    BATest::Sites::vhost('matrix-down', file => "$work/no/such.db", extra => BATest::Matrix::config($tree, $fcgi_port)));
BATest::_site('matrix-lite')->{file} = "$work/lite.db";

prepare('matrix', @all);
for my $place (sort keys %PLACES) { check('matrix', $place, \&ask, grep { $_->{place} eq $place } @up) }
check('matrix-down', 'the database is down', \&ask, grep { $_->{state} eq 'down' } @all);

my @lite = slice(11, @up);
prepare('matrix-lite', @lite);
check('matrix-lite', 'SQLite', \&ask, @lite);

SKIP: {
    skip 'curl speaks no HTTP/2', 1 unless (qx{curl --version 2>/dev/null} // '') =~ /\bHTTP2\b/;
    my @http2 = slice(53, grep { !$CLIENTS{ $_->{client} }{http1} && $_->{method} !~ /^(?:HEAD|form|json|PUT)$/ } @up);
    prepare('matrix', @http2);
    check('matrix', 'HTTP/2', \&ask_http2, @http2);
}

subtest 'it can fail' => sub {
    # a site that guards nothing: every cell that is not let in, or told somebody, has to be found
    my @guarded = grep { $_->{place} ne 'open' } slice(23, @up);
    prepare('matrix-lite', @guarded);
    my %users = %{ $people{'matrix-open'} = $people{'matrix-lite'} };
    my ($found, $missed) = (0, '');
    for my $cell (@guarded) {
        my $want = BATest::Matrix::expect($cell);
        # an SSI page tells caches the same, and HEAD nothing else
        next if $want->{reached} && !$want->{cookies} && (!$want->{user} || $cell->{method} eq 'HEAD');
        differences('matrix-open', $cell, $want, ask('matrix-open', $cell)) ? $found++ : ($missed ||= name_of($cell));
    }
    is($missed, '', "all $found cells that a missing guard changes are found");
    # each fact is looked at
    for my $row (['location ssi, none, program GET', qw(status code challenge cache)], ['location ssi, none, browser GET', 'location'], ['location ssi, due, fetch GET', qw(cookies told user cache)],
        ['location ssi, none, trusted GET', qw(origin vary always)], ['documents ssi, none, browser GET', 'text'], ['location proxy, valid, dropper GET', 'told']) {
        my ($name, @facts) = @$row;
        my ($cell) = grep { name_of($_) eq $name } all_cells() or next;
        prepare('matrix-lite', $cell);
        for my $fact (@facts) {
            my $want = BATest::Matrix::expect($cell);
            $want->{$fact} = ref $want->{$fact} ? ['another'] : $fact =~ /^(?:told|user)$/ ? 'bob' : $fact eq 'status' ? 299 : 'another';
            my @wrong = differences('matrix-lite', $cell, $want, ask('matrix-lite', $cell));
            is(scalar @wrong, 1, "$name: another $fact is noticed") or diag @wrong;
            prepare('matrix-lite', $cell) if $cell->{state} eq 'due';
        }
    }
};
check_log($event, 'event');
$event->stop;

for my $mpm (qw(prefork worker)) {
    %connections = ();
    my $httpd = server("matrix-$mpm", mpm => $mpm);
    my @some = slice($mpm eq 'prefork' ? 9 : 10, @up);
    prepare("matrix-$mpm", @some);
    check("matrix-$mpm", $mpm, \&ask, @some);
    check_log($httpd, $mpm);
    $httpd->stop;
}

# Whom mod_authz_core refused, and what a database that is not there leaves.
sub check_log {
    my ($httpd, $name) = @_;
    my @lines = grep { !/\bAH0(?:1630|1797)\b|\bBA0119\b|\bAH006(?:29|33|36)\b|\bBA0(?:105|714)\b/ } log_lines($httpd->error_log);
    is(scalar @lines, 0, "$name: the log knows no other trouble") or diag @lines > 20 ? @lines[0 .. 19] : @lines;
}

note "$cells cells, $failures failures";
done_testing;
