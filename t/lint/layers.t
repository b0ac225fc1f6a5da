#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Who may include whom. What is not in the table below is not allowed; there are no cycles.

use strict;
use warnings;
use File::Basename qw(basename dirname);
use FindBin ();
use Test::More;

my $SRC = $ENV{BA_SRCDIR} || "$FindBin::Bin/../..";

# A layer is a folder of modules/, or a file where one folder has two kinds. Its line names the layers below it and
# the outside headers it may use besides APR's and C's: a word that ends with "/" or "*" stands for what begins so.
my @HTTPD = qw(httpd.h http_*.h ap_*.h util_filter.h unixd.h);
my %CORE  = map { $_ => 1 } qw(base crypto json token config language limit origin store session mail routes);

my %MAY = (
    base              => [qw(sched.h unicase.h uninorm.h unistr.h)],
    crypto            => [qw(base argon2.h openssl/*.h uninorm.h sodium.h semaphore.h sys/ipc.h sys/mman.h sys/sem.h)],
    json              => [qw(base jansson.h malloc.h)],
    token             => [qw(base crypto json openssl/*.h)],
    config            => [qw(base)],
    'config of httpd' => [qw(base config origin), @HTTPD],
    origin            => [qw(base config arpa/inet.h)],
    language          => [qw(base)],
    limit             => [qw(base config crypto pthread.h)],
    store             => [qw(base sql apr_dbd.h)],
    session           => [qw(base crypto json token config store)],
    mail              => [qw(base crypto config store curl/curl.h spawn.h sys/wait.h sysexits.h)],
    routes            => [qw(base crypto json token config limit origin store session mail)],
    # betterauthctl: a program, so it may do what a server's threads may not
    support           => [qw(base crypto json config session store apr_dbd.h curl/curl.h fcntl.h pwd.h signal.h spawn.h sys/mman.h sys/wait.h termios.h)],
    http              => [qw(base crypto json token config language limit origin store session mail routes), 'config of httpd', 'mod_dbd.h',
                          'mod_watchdog.h', 'mpm_common.h', 'util_mutex.h', 'sys/mman.h', 'fcntl.h', 'grp.h', 'poll.h', 'sys/socket.h', 'mod_status.h', 'mod_betterauth.h', @HTTPD],
    pages             => [qw(http routes language limit session origin json config base), 'config of httpd', 'mod_include.h', @HTTPD],
    access            => [qw(http routes session origin config base), 'config of httpd', 'mod_auth.h', 'mod_core.h',
                          'mod_log_config.h', 'mod_betterauth.h', @HTTPD],
    mod_betterauth    => [qw(http access pages), 'config of httpd', @HTTPD],
);

# Files that stand apart from their folder.
my %LAYER_OF = (
    'ba_directives.c' => 'config of httpd',
    'ba_directives.h' => 'config of httpd',
    'ba_kind.h'       => 'config of httpd',
    'ba_kinds.c'      => 'config of httpd',
    'ba_kinds_own.c'  => 'config of httpd',
    'ba_kinds_pages.c' => 'config of httpd',
    'ba_kinds_secret.c' => 'config of httpd',
    'ba_mail_args.c'  => 'config of httpd',
    'ba_mail_args.h'  => 'config of httpd',
    'ba_module.h'     => 'config of httpd',
);
# A header that only one folder is for: "for ba_password.c alone" and the like.
my %PRIVATE = ('ba_courier_int.h' => 'mail', 'ba_password_int.h' => 'crypto', 'ba_routes_int.h' => 'routes', 'ba_store_int.h' => 'store');

my @files = ("$SRC/mod_betterauth.c", sort glob("$SRC/modules/*/*.[ch]"), glob("$SRC/support/*.[ch]"));
my %layer;
for my $file (@files) {
    my $name = basename($file);
    ok(!$layer{$name}, "$name is one file only") if $layer{$name};
    $layer{$name} = $name eq 'mod_betterauth.c' ? 'mod_betterauth' : $LAYER_OF{$name} || basename(dirname($file));
}

# Headers everybody may use: APR (but for those that a line above must name) and the C library.
sub is_common {
    my ($header) = @_;
    return 0 if $header eq 'apr_dbd.h';
    return $header =~ /^apr(?:_\w+)?\.h$/
        || $header =~ m{^(?:ctype|errno|limits|math|signal|stdarg|stddef|stdint|stdio|stdlib|string|strings|time|unistd|sys/types|sys/stat)\.h$};
}

sub matches {
    my ($header, $pattern) = @_;
    my $re = join '.*', map quotemeta, split /\*/, $pattern, -1;
    return $header =~ /^$re$/;
}

sub includes {
    my ($file) = @_;
    open my $in, '<', $file or die "$file: $!\n";
    my $text = do { local $/; <$in> };
    $text =~ s{/\*.*?\*/}{}gs;
    return $text =~ /^\s*#\s*include\s*[<"]([^>"]+)[>"]/mg;
}

my (%edges, %includes);
for my $file (@files) {
    my $name = basename($file);
    my $from = $layer{$name};
    my @wrong;
    unless ($MAY{$from}) {
        fail("$file lies in a folder that the table does not know");
        next;
    }
    for my $header (includes($file)) {
        my $to = $header =~ m{^(?:mysql|sqlite3)/} ? 'sql' : $layer{$header};
        my $good = defined $to
            ? $to eq $from || grep { $_ eq $to || $_ eq $header } @{ $MAY{$from} }
            : is_common($header) || grep { matches($header, $_) } @{ $MAY{$from} };
        $good = 0 if $PRIVATE{$header} && $PRIVATE{$header} ne $from;
        $good = 0 if $to && $CORE{$from} && !$CORE{$to} && $to ne 'sql';
        push @wrong, $header unless $good;
        $edges{$from}{$to} = $name if defined $to && $to ne $from;
        # A unit is a .c and its headers: a ring through either is a ring.
        my ($unit, $other) = map { s/(?:_int)?\.[ch]$//r } $name, $header;
        push @{ $includes{$unit} }, $other if $layer{$header} && $unit ne $other;
    }
    is("@wrong", '', substr($file, length "$SRC/") . " ($from) includes what it may");
}

# config/ba_directives.c is above origin/, config/ba_settings.c below it: as layers these are two, so a cycle is a cycle.
sub cycle {
    my ($graph, $at, $seen, @path) = @_;
    return (@path, $at) if grep { $_ eq $at } @path;
    return if $seen->{$at}++;
    for my $next (sort @{ $graph->{$at} || [] }) {
        my @found = cycle($graph, $next, $seen, @path, $at);
        return @found if @found;
    }
    return;
}

my %layers = map { $_ => [keys %{ $edges{$_} }] } keys %edges;
for ([layers => \%layers], [units => \%includes]) {
    my ($what, $graph) = @$_;
    my (%seen, @found);
    for my $start (sort keys %$graph) { @found = @found ? @found : cycle($graph, $start, \%seen) }
    is(join(' -> ', @found), '', "no cycle among $what");
}

done_testing;
