#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# The example of each directive in the reference is taken, and is in force: each in a virtual host of its own.
use strict;
use warnings;
use BATest -own;
use BATest::Httpd;

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $state = BATest::state();
my $httpd = $state->{flavours}{ flavour() };
my $dir = "$state->{workdir}/directives-" . flavour();
mkdir $dir;
mkdir "$dir/$_" for qw(auth-pages auth-mails);
my $modules = $ENV{BA_MODULEDIR} || '/usr/lib/apache2/modules';

# The files that the examples name are here.
for my $name (qw(new.secret old.secret smtp.password)) {
    open my $out, '>', "$dir/$name" or die "$name: $!\n";
    print $out "0123456789abcdef0123456789abcdef-$name\n";
    chmod 0600, "$dir/$name";
}
{ open my $out, '>', "$dir/passwords.txt" or die; print $out "password\n" }
my $examples = BATest::_slurp("$state->{srcdir}/docs/site/examples.conf");
s{/(?:etc/apache2|srv/www|var/log/apache2)/(?=[a-z])}{$dir/}g, s{/usr/sbin/sendmail}{/bin/true}g for $examples;

my (@hosts, $main, %wants);
for my $block (grep { /^# BetterAuth/ } split /\n\n+/, $examples) {
    my ($name) = $block =~ /^# (BetterAuth\w+)/;
    my $conf = $block =~ s/^#.*\n//mgr;
    # first of them, but those of sections come under "guarded"
    my @written = $conf =~ /^(BetterAuth\w+ .*?)\s*$/mg;
    like($conf, qr/^\s*$name\s/m, "$name: the example has it");
    $wants{ lc $name } = \@written;
    if ($name eq 'BetterAuthHashConcurrency') { $main = "$conf\n"; next }
    push @hosts, "<VirtualHost *:80>\nServerName \L$name\E.test\n"
        . ($conf =~ /BetterAuthSecret/ ? '' : "BetterAuthSecret 0123456789abcdef0123456789abcdef\n")
        . ($conf =~ /BetterAuthMailer|ForwardCookies/ || $name !~ /Mail|Verif|Reset|Change|Delete/ ? '' : "BetterAuthMailer dir:$dir\n")
        . qq{<Location "/api/auth">\nSetHandler betterauth\n</Location>\n<Location "/auth">\nSetHandler betterauth-pages\n</Location>\n$conf\n</VirtualHost>\n};
}
# The recommendation of the security guide, too.
my ($stricter) = BATest::_slurp("$state->{srcdir}/docs/security.md") =~ /^## Stricter.*?((?:^    BetterAuth[^\n]*\n)+)/ms or die "no recommendation\n";
$wants{security} = [$stricter =~ /^ +(.*?)\s*$/mg];
push @hosts, "<VirtualHost *:80>\nServerName security.test\nBetterAuthSecret 0123456789abcdef0123456789abcdef\nBetterAuthMailer dir:$dir\n"
    . qq{<Location "/api/auth">\nSetHandler betterauth\n</Location>\n$stricter</VirtualHost>\n};
BATest::MariaDB::_pipe(BATest::_slurp(schema('sqlite3')), 'sqlite3', "$dir/site.db");

my ($status, $output) = BATest::Httpd->configtest(
    dir => $dir, env => $httpd->{env}, how => "-D DUMP_BETTERAUTH 2>'$dir/stderr'",
    load => BATest::Httpd::load_modules($httpd->{module}) . "LoadModule socache_redis_module $modules/mod_socache_redis.so\n",
    conf => "DBDriver sqlite3\nDBDParams $dir/site.db\n$main" . join('', @hosts));
my $complaints = BATest::_slurp("$dir/stderr");
is($status, 0, scalar(keys %wants) . ' examples are taken') or diag $complaints;

my %said = map { /^<VirtualHost \S+ (\S+)\.test / ? ($1 => $_) : () } split /^(?=<VirtualHost)/m, $output;
$said{betterauthhashconcurrency} = $output;
for my $name (sort keys %wants) {
    my $said = $said{$name} // '';
    for my $line (@{ $wants{$name} }) {
        # what may hold a secret is not shown
        my ($directive, $value) = split ' ', $line, 2;
        like($said, qr/^\s+\Q$directive\E (?:\Q$value\E|\.\.\.) \(/m, "$line: in force") or diag $said;
    }
}

done_testing;
