#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Websockets through mod_proxy: who may open one, from which pages, and that it ends with its session.
use strict;
use warnings;
use BATest -own;
use BATest::Httpd;
use BATest::Sites;
use Digest::SHA qw(sha1_base64);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::SSL;
use POSIX ();
use Time::HiRes qw(sleep time);

plan skip_all => 'needs httpd' if $ENV{BA_SITES};
my $state = BATest::state();

# --- A back end: answers a handshake with what it was told, then says back what it hears; "busy" also talks by itself -------

my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64, ReuseAddr => 1) or die "listen: $!";
my $BACK = $listener->sockport;

sub serve_one {
    my ($socket) = @_;
    my $head = '';
    1 while $head !~ /\r\n\r\n/ && sysread $socket, $head, 4096, length $head;
    my ($path) = $head =~ /^\S+ (\S+)/;
    my %told = map { lc $_->[0] => $_->[1] } map { [split /: */, $_, 2] } grep { /:/ } split /\r\n/, $head;
    if ($path =~ /events/) {
        syswrite $socket, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" or return;
        while (syswrite $socket, "data: tick\n\n") { sleep 0.05 }
        return;
    }
    my $accept = sha1_base64(($told{'sec-websocket-key'} // '') . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11') . '=';
    syswrite $socket, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: $accept\r\n\r\n";
    syswrite $socket, 'told ' . join('|', map { $told{$_} // '-' } qw(x-auth-email x-auth-user-id cookie)) . "\n";
    my $select = IO::Select->new($socket);
    while (1) {
        if ($select->can_read(0.05)) {
            sysread $socket, my $heard, 4096 or return;
            syswrite $socket, $heard or return;
        }
        elsif ($path =~ /busy/) { syswrite $socket, "tick\n" or return }
    }
}

my $back_end = fork // die "fork: $!";
if (!$back_end) {
    $SIG{CHLD} = 'IGNORE';
    $SIG{PIPE} = 'IGNORE';
    $SIG{TERM} = sub { kill TERM => -$$; POSIX::_exit(0) };
    setpgrp;
    while (1) {
        my $socket = $listener->accept or next;
        my $pid = fork // next;
        next if $pid;
        $SIG{TERM} = 'DEFAULT';
        close $listener;
        serve_one($socket);
        POSIX::_exit(0);
    }
}
close $listener;
my $owner = $$;
END { if ($back_end && $$ == $owner) { local $?; kill TERM => $back_end; waitpid $back_end, 0 } }

# http: mod_proxy_http with upgrade; ws: mod_proxy_http for a ws: address; tunnel: mod_proxy_wstunnel itself
my $PROXY = <<"END";
    BetterAuthDeleteUser on
    ProxyPass "/ws/http" "http://127.0.0.1:$BACK/ws/http" upgrade=websocket
    ProxyPass "/ws/ws" "ws://127.0.0.1:$BACK/ws/ws"
    ProxyPass "/ws/tunnel" "ws://127.0.0.1:$BACK/ws/tunnel"
    ProxyPass "/events" "http://127.0.0.1:$BACK/events"
    ProxyPass "/free" "http://127.0.0.1:$BACK/free" upgrade=websocket
    ProxyPass "/optional/ws" "http://127.0.0.1:$BACK/optional/ws" upgrade=websocket
    <Location "/ws/tunnel">
        ProxyWebsocketFallbackToProxyHttp Off
    </Location>
    <LocationMatch "^/(?:ws|events)">
        AuthType Session
        AuthName "Live"
        Require valid-user
    </LocationMatch>
END

# --- A client ---------------------------------------------------------------------------------------------------------

# The answer to a handshake, and the connection.
sub websocket {
    my ($site, $path, %o) = @_;
    my @headers = ("GET $path HTTP/1.1", 'Host: auth.test', $o{accept} ? "Accept: $o{accept}" : ('Upgrade: websocket', 'Connection: Upgrade',
        'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='));
    push @headers, "Cookie: $o{cookie}" if defined $o{cookie};
    push @headers, "Origin: $o{origin}" if defined $o{origin};
    my @to = (PeerAddr => '127.0.0.1', PeerPort => $state->{flavours}{ flavour() }{sites}{$site}{port});
    my $socket = ($o{tls} ? IO::Socket::SSL->new(@to, SSL_verify_mode => SSL_VERIFY_NONE) : IO::Socket::INET->new(@to)) or die "connect: $!";
    my %ws = (socket => $socket, buffer => '', name => "$site$path" . ($o{tls} ? ' over TLS' : ''));
    syswrite $socket, join("\r\n", @headers) . "\r\n\r\n";
    until ($ws{buffer} =~ /\r\n\r\n/) { fill(\%ws, 20) or last }
    $ws{buffer} =~ s/\AHTTP\/1\.1 (\d+).*?\r\n\r\n//s and $ws{status} = $1;
    return \%ws;
}

# Waits for bytes; false when there is nothing more, or nothing yet.
sub fill {
    my ($ws, $patience) = @_;
    return 0 unless $ws->{socket}->can('pending') && $ws->{socket}->pending || IO::Select->new($ws->{socket})->can_read($patience);
    my $n = sysread $ws->{socket}, $ws->{buffer}, 65536, length $ws->{buffer};
    $ws->{over} = 1 unless $n;
    return $n;
}

sub line {
    my ($ws) = @_;
    my $until = time + 10;
    until ($ws->{buffer} =~ /\n/) { return undef if $ws->{over} || time > $until; fill($ws, 1) }
    $ws->{buffer} =~ s/\A(.*)\n//;
    return $1;
}

sub opened { my ($ws, $name) = @_; return is($ws->{status}, 101, $name // "$ws->{name} is open") }

my $said = 0;
sub alive {
    my ($ws, $name) = @_;
    my $word = 'word' . ++$said;
    local $SIG{PIPE} = 'IGNORE';
    syswrite $ws->{socket}, "$word\n";
    my $until = time + 5;
    my $heard = '';
    while (time < $until && defined($heard = line($ws))) { last if $heard eq $word }
    return is($heard, $word, $name // "$ws->{name} goes on");
}

# By $limit seconds after $from, and without a word from us, all of them are closed.
sub all_end {
    my ($from, $limit, @all) = @_;
    for my $ws (@all) {
        until ($ws->{over} || time > $from + $limit + 3) { $ws->{buffer} = ''; fill($ws, 0.1) }
        my $took = time - $from;
        ok($ws->{over} && $took < $limit, sprintf '%s has ended after %.1f s', $ws->{name}, $took);
    }
}

sub sign_in {
    my ($site, $user, %how) = @_;
    my $in = post($site, '/sign-in/email', { email => $user->{email}, password => $user->{password}, %how });
    return { %$user, cookie => cookie_header($in), token => $in->{json}{token} };
}

# How many connections the children that live say that they watch.
sub watched {
    my ($httpd) = @_;
    my %last;
    open my $in, '<', $httpd->error_log or return -1;
    while (<$in>) { $last{$1} = $2 if /\[pid (\d+)[:\]].*BA0177: watching (\d+)/ }
    my $sum = 0;
    $sum += kill(0 => $_) ? $last{$_} : 0 for keys %last;
    return $sum;
}

sub all_forgotten {
    my ($httpd) = @_;
    my $until = time + 5;
    sleep 0.1 until !watched($httpd) || time > $until;
    is(watched($httpd), 0, 'nothing is watched any more');
}

sub log_is_clean {
    my ($httpd, @but) = @_;
    # a newer libssl than mod_ssl was built with; and what mod_proxy says of a client that is gone while there is something to send
    my ($but) = map { qr/\b(?:$_)\b/ } join '|', 'AH01882', 'AH10221', 'AH03307', @but;
    my @lines = grep { !/$but/ } log_lines($httpd->error_log);
    is(scalar @lines, 0, 'the log knows no trouble') or diag join "\n", @lines;
}

# --- SQLite, event, plain and TLS -------------------------------------------------------------------------------------

my ($SITE, $TLS, $SOON) = ('websocket', 'websocket-tls', 'websocket-soon');
my ($key, $cert) = certificate("$state->{workdir}/websocket-" . flavour(), 'auth.test');
my $httpd = private_httpd(name => $SITE, extra => $PROXY, main => BATest::Sites::load(qw(ssl proxy_wstunnel)) . "SSLSessionCache shmcb:logs/ssl(512000)\n"
    . BATest::Sites::vhost($TLS, file => BATest::Sites::file($SITE), drop => 'BetterAuthBaseURL',
        extra => "$PROXY    SSLEngine on\n    SSLCertificateFile \"$cert\"\n    SSLCertificateKeyFile \"$key\"\n")
    . BATest::Sites::vhost($SOON, file => BATest::Sites::file($SITE), extra => "$PROXY    BetterAuthSessionCache shmcb 2\n"));

my $ann = sign_up($SITE);
my $bob = sign_up($SITE);
my $secure_origin = "https://auth.test:$state->{flavours}{ flavour() }{sites}{$TLS}{port}";
my $secure = sub { (my $cookie = $_[0]) =~ s/^better-auth/__Secure-better-auth/; return $cookie };

subtest 'who may open one' => sub {
    my $refused = sub {
        my ($status, $name, @how) = @_;
        my $ws = websocket($SITE, @how);
        is($ws->{status}, $status, $name);
        unlike($ws->{buffer}, qr/told/, "$name: the back end was not asked");
        return $ws;
    };
    for my $kind (qw(http ws tunnel)) {
        my $path = "/ws/$kind";
        $refused->(401, "$kind: anonymous", $path);
        $refused->(401, "$kind: anonymous, and a page of another origin", $path, origin => 'https://evil.test');
        $refused->(401, "$kind: a forged cookie", $path, cookie => $ann->{cookie} =~ s/=(.)/'=' . ($1 eq 'X' ? 'Y' : 'X')/er);
        for my $origin ('https://evil.test', 'null', 'http://auth.test.evil.test', 'https://auth.test', 'http://auth.test:81', 'http://auth.test, https://evil.test', '') {
            my $ws = $refused->(403, "$kind: from \"$origin\"", $path, cookie => $ann->{cookie}, origin => $origin);
            like($ws->{buffer}, qr/INVALID_ORIGIN/, 'says why');
        }
        for my $origin (ORIGIN, 'https://app.example', undef) {
            my $ws = websocket($SITE, $path, cookie => "a=1; $ann->{cookie}", origin => $origin);
            opened($ws, "$kind: from " . ($origin // 'no page'));
            is(line($ws), "told $ann->{email}|$ann->{user}{id}|a=1", 'the back end is told who, and gets no session cookie');
            alive($ws);
        }
    }
    $refused->(403, 'optional sign-in: a page of another origin rides on no session', '/optional/ws', cookie => $ann->{cookie}, origin => 'https://evil.test');
    for (['nobody', undef, 'https://evil.test', '-|-|-'], ['somebody', $ann->{cookie}, ORIGIN, "$ann->{email}|$ann->{user}{id}|-"]) {
        my ($name, $cookie, $origin, $told) = @$_;
        my $ws = websocket($SITE, '/optional/ws', cookie => $cookie, origin => $origin);
        opened($ws, "optional sign-in: $name");
        is(line($ws), "told $told", 'the back end is told so');
    }
    opened(websocket($SITE, '/free', origin => 'https://evil.test', cookie => $ann->{cookie}), 'nothing is checked where nothing is guarded');
    is(websocket($TLS, '/ws/http', tls => 1)->{status}, 401, 'TLS: anonymous');
    is(websocket($TLS, '/ws/http', tls => 1, cookie => $secure->($ann->{cookie}), origin => 'http://auth.test')->{status}, 403, 'TLS: from the http origin');
};

# All kinds of connections that a session can have open.
sub everything {
    my ($user) = @_;
    my @all = map { websocket($SITE, $_, cookie => $user->{cookie}) } '/ws/http', '/ws/http/busy', '/ws/ws', '/ws/tunnel', '/ws/tunnel/busy', '/optional/ws';
    push @all, map { websocket($TLS, $_, cookie => $secure->($user->{cookie}), tls => 1, origin => $secure_origin) } '/ws/http', '/ws/tunnel/busy';
    opened($_) for @all;
    alive($_) for @all;
    my $events = websocket($SITE, '/events', cookie => $user->{cookie}, accept => 'text/event-stream');
    is($events->{status}, 200, 'events come');
    return @all, $events;
}

my @innocent = (map({ websocket($SITE, $_, cookie => $bob->{cookie}) } '/ws/http', '/ws/tunnel', '/ws/http/busy'),
    websocket($TLS, '/ws/http', tls => 1, cookie => $secure->($bob->{cookie})));

subtest 'sign-out' => sub {
    my ($other, $leaving) = map { sign_in($SITE, $ann) } 1, 2;
    my @stay = map { websocket($SITE, $_, cookie => $other->{cookie}) } '/ws/http', '/ws/tunnel';
    my @all = everything($leaving);
    is(post($SITE, '/sign-out', {}, cookie => $leaving->{cookie})->{status}, 200, 'sign-out');
    all_end(time, 8, @all);
    alive($_, "$_->{name} of another session of the same person goes on") for @stay;
};

subtest 'revoked by another session' => sub {
    my @own = map { websocket($SITE, $_, cookie => $ann->{cookie}) } '/ws/http', '/ws/tunnel/busy';
    for my $how ('/revoke-session', '/revoke-other-sessions') {
        my $victim = sign_in($SITE, $ann);
        my @all = map { websocket($SITE, $_, cookie => $victim->{cookie}) } '/ws/http', '/ws/tunnel/busy';
        is(post($SITE, $how, { token => $victim->{token} }, cookie => $ann->{cookie})->{status}, 200, $how);
        all_end(time, 8, @all);
    }
    # moves the counters and ends nothing
    is(post($SITE, '/update-user', { name => 'Ann' }, cookie => $ann->{cookie})->{status}, 200, 'update-user');
    sleep 1;
    alive($_) for @own;
};

subtest 'a password is changed' => sub {
    my $old = sign_in($SITE, $ann);
    my @all = map { websocket($SITE, $_, cookie => $old->{cookie}) } '/ws/http', '/ws/tunnel';
    my $new = post($SITE, '/change-password', { currentPassword => PASSWORD, newPassword => 'another ' . PASSWORD, revokeOtherSessions => JSON::PP::true }, cookie => $ann->{cookie});
    is($new->{status}, 200, 'and ends all other sessions');
    all_end(time, 8, @all);
    $ann->{password} = 'another ' . PASSWORD;
};

subtest 'the user is deleted' => sub {
    my $user = sign_up($SITE);
    my @all = map { websocket($SITE, $_, cookie => $user->{cookie}) } '/ws/http', '/ws/tunnel/busy', '/optional/ws';
    is(post($SITE, '/delete-user', { password => PASSWORD }, cookie => $user->{cookie})->{status}, 200, 'delete-user');
    all_end(time, 8, @all);
};

subtest 'its time is over' => sub {
    my ($brief, $renewed) = map { sign_in($SITE, $ann, rememberMe => JSON::PP::false) } 1, 2;    # these are not refreshed
    my $end = time + 8;    # all of this first, on a busy machine too
    sql($SITE, sprintf q{UPDATE session SET expiresAt = '%s' WHERE token IN ('%s', '%s')}, moment($SITE, $end - time), map { $_->{token} } $brief, $renewed);
    my @all = map { websocket($SITE, $_, cookie => $brief->{cookie}) } '/ws/http', '/ws/tunnel/busy';
    my $stays = websocket($SITE, '/ws/http', cookie => $renewed->{cookie});
    sleep 1;
    alive($_) for @all;
    sql($SITE, sprintf q{UPDATE session SET expiresAt = '%s' WHERE token = '%s'}, moment($SITE, $end + 3600 - time), $renewed->{token});
    all_end($end, 8, @all);
    sleep 0.5;
    alive($stays, 'one that was given more time meanwhile goes on');
};

subtest 'revoked where nobody tells httpd' => sub {
    my ($gone, $cached) = map { sign_in($SOON, $ann) } 1, 2;
    my @all = map { websocket($SOON, $_, cookie => $gone->{cookie}) } '/ws/http', '/ws/tunnel/busy';
    sleep 0.6;    # asked about once
    is(request($SOON, GET => '/members/page.html', cookie => $cached->{cookie})->{status}, 200, 'a session that the cache knows');
    sql($SITE, sprintf q{DELETE FROM session WHERE token IN ('%s', '%s')}, map { $_->{token} } $gone, $cached);
    my $from = time;
    my $late = websocket($SOON, '/ws/http', cookie => $cached->{cookie});
    like($late->{status} // 101, qr/^101$/, 'and still lets in, if only until httpd has asked');    # which may be sooner than the back end answers
    all_end($from, 8, $late);
    all_end($from, 8, @all);
};

alive($_, "$_->{name} of somebody else has seen it all") for @innocent;

subtest 'a graceful restart leaves its connections to the old children' => sub {
    my $user = sign_in($SITE, $ann);
    my @all = map { websocket($SITE, $_, cookie => $user->{cookie}) } '/ws/http', '/ws/tunnel/busy';
    my %old = map { $_ => 1 } $httpd->children;
    $httpd->signal('USR1');
    my $until = time + 15;
    sleep 0.1 until (grep { !$old{$_} } $httpd->children) || time > $until;
    sleep 1;
    alive($_) for @all, @innocent;
    is(post($SITE, '/sign-out', {}, cookie => $user->{cookie})->{status}, 200, 'sign-out, heard by a new child');
    all_end(time, 8, @all);
    alive($_) for @innocent;
    $_->{socket}->close for @innocent;
    $until = time + 10;
    sleep 0.1 until !(grep { $old{$_} } $httpd->children) || time > $until;
    is_deeply([grep { $old{$_} } $httpd->children], [], 'the old children go when the last of theirs has ended');
};

all_forgotten($httpd);
$httpd->stop;
log_is_clean($httpd);

# --- MariaDB, prefork -------------------------------------------------------------------------------------------------

my $write = \&BATest::Httpd::_write;
{
    no warnings 'redefine';
    *BATest::Httpd::_write = sub {
        my ($file, $text) = @_;
        $text =~ s/mpm_event/mpm_prefork/g;
        $text =~ s/^(?:MinSpareThreads|MaxSpareThreads|ThreadsPerChild|ServerLimit|MaxRequestWorkers) .*\n//mg;
        $text =~ s/^StartServers .*/StartServers 6/m;
        return $write->($file, $text);
    };
}

subtest 'prefork, MariaDB' => sub {
    my $site = 'websocket-prefork';
    my $database = 'ba_websocket_' . flavour();
    mariadb()->create($database, schema('mysql'));
    my $fork = private_httpd(name => $site, extra => "$PROXY    BetterAuthSessionCache shmcb 1\n", main => BATest::Sites::load('proxy_wstunnel'),
        mariadb => mariadb(), database => $database);
    my ($eve, $dan) = map { sign_up($site) } 1, 2;
    my $second = sign_in($site, $eve);
    my @stay = map { websocket($site, '/ws/http', cookie => $_->{cookie}) } $second, $dan;
    my @all = map { websocket($site, $_, cookie => $eve->{cookie}) } '/ws/http', '/ws/tunnel/busy';
    opened($_) for @stay, @all;
    alive($_) for @all;
    is(post($site, '/sign-out', {}, cookie => $eve->{cookie})->{status}, 200, 'sign-out');
    all_end(time, 8, @all);
    alive($_) for @stay;

    # whoever cannot be asked about stays, until the database can say more
    sql($site, 'RENAME TABLE session TO session_gone');
    sleep 1.8;
    alive($_) for @stay;
    sql($site, "DELETE FROM session_gone WHERE token = '$second->{token}'");
    sql($site, 'RENAME TABLE session_gone TO session');
    all_end(time, 8, shift @stay);

    is(post($site, '/delete-user', { password => PASSWORD }, cookie => $dan->{cookie})->{status}, 200, 'delete-user');
    all_end(time, 8, @stay);
    all_forgotten($fork);
    is((() = grep { /\bBA0178\b/ } log_lines($fork->error_log)), 2, 'one line of each child told of the trouble') or diag log_lines($fork->error_log);
    $fork->stop;
    log_is_clean($fork, 'BA0178', 'BA0714');
};

done_testing;
