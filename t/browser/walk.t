#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
#
# Runs walk.mjs against the site that BA_DEMO_URL names. Without one, against
# a private httpd with the demo's configuration and a fresh SQLite file.
#
#   BA_NODE         Node 20 or newer
#   BA_BUILDDIR     where mod_betterauth was built (default: the source tree)
#   BA_CHROMIUM     the browser (default: chromium from PATH)
#   BA_SCREENSHOTS  directory for a picture of each state
#   BA_WALK         another walk than walk.mjs; see pages.t, habits.t and shape.t

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Socket::INET ();
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep);

my $here    = dirname(abs_path(__FILE__));
my $root    = dirname(dirname($here));
my $httpd   = $ENV{BA_HTTPD}     || '/usr/sbin/apache2';
my $modules = $ENV{BA_MODULEDIR} || '/usr/lib/apache2/modules';
my $module  = ($ENV{BA_BUILDDIR} || $root) . '/.libs/mod_betterauth.so';
my $server;    # process id of our httpd

sub skip { print "1..0 # SKIP $_[0]\n"; exit 0 }
sub run  { system(@_) == 0 or die "failed: @_\n" }

sub in_path {
    for my $name (@_) {
        for my $dir (split /:/, $ENV{PATH}) { return "$dir/$name" if -x "$dir/$name" }
    }
    return;
}

$ENV{BA_CHROMIUM} ||= in_path('chromium', 'chromium-browser') or skip('no chromium');
skip('BA_NODE does not name a Node 20 or newer') unless $ENV{BA_NODE} && -x $ENV{BA_NODE};
skip('no playwright-core: run npm ci in t/node') unless -d "$root/t/node/node_modules/playwright-core";

my $dir;
if (!$ENV{BA_DEMO_URL}) {
    skip("no $module")    unless -e $module;
    skip('no sqlite3')    unless in_path('sqlite3');
    skip("no $httpd")     unless -x $httpd;
    $dir = tempdir('ba-walk-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    $ENV{BA_DEMO_URL} = start($dir);
}

my $status = walk();
stop();
print STDERR "# $_" for my @complaints = $dir ? complaints("$dir/log/error.log") : ();
exit($status == 0 && !@complaints ? 0 : 1);

# Before start(), so that no interruption leaves the server behind.
BEGIN { $SIG{$_} = sub { exit 1 } for qw(HUP INT PIPE TERM) }
END { my $code = $?; stop(); $? = $code }

# Node explains each result in YAML that prove cannot always read, and then it
# reads no further: what belongs to a failure goes to standard error instead.
sub walk {
    open my $tap, '-|', $ENV{BA_NODE}, '--test-reporter=tap', "$here/" . ($ENV{BA_WALK} || 'walk.mjs') or die "$ENV{BA_NODE}: $!\n";
    my ($failed, $yaml) = (0, 0);
    $| = 1;
    while (my $line = <$tap>) {
        if ($line =~ /^\s*---$/) { $yaml = 1 }
        elsif ($yaml) {
            $yaml = 0 if $line =~ /^\s*\.\.\.$/;
            print STDERR "# $line" if $failed && $yaml;
        }
        else {
            $failed = $line =~ /^\s*not ok/ if $line =~ /^\s*(?:not )?ok/;
            print $line;
        }
    }
    close $tap;
    return $?;
}

# The site and the pages are copied, since the children may be a user who
# cannot read the source tree.
sub start {
    my ($dir) = @_;
    my $probe = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die "no free port: $!\n";
    my $port = $probe->sockport;
    close $probe;

    mkdir "$dir/$_" for qw(run log db mail prefix prefix/modules);
    $ENV{BA_MAILS} = "$dir/mail";
    run('cp', '-R', "$root/examples/demo/htdocs", "$dir/site");
    run('cp', '-R', "$root/pages", "$dir/pages");
    form_document("$dir/pages") if ($ENV{BA_WALK} // '') eq 'habits.mjs';
    symlink abs_path($module), "$dir/prefix/modules/mod_betterauth.so" or die "symlink: $!\n";
    run("cat '$root'/sql/sqlite3/*.sql | sqlite3 '$dir/db/demo.db' > '$dir/log/schema'");
    form_page("$dir/site/members");
    write_file("$dir/secret", join('', map { sprintf '%08x', rand 2**32 } 1 .. 8) . "\n");
    chmod 0600, "$dir/secret";

    my %value = (
        DEMO => $dir, PORT => $port, MODULES => $modules, PREFIX => "$dir/prefix", SITE => "$dir/site",
        DBD_DRIVER => 'sqlite3', DBD_PARAMS => "$dir/db/demo.db",
    );
    open my $in, '<', "$root/examples/demo/httpd.conf.in" or die "httpd.conf.in: $!\n";
    my $conf = join '', <$in>;
    $conf =~ s{\@([A-Z_]+)\@}{$value{$1} // die "httpd.conf.in: no value for \@$1\@\n"}ge;
    # limits as in the demo, but with less to wait for
    $conf .= qq{\nLoadModule cgid_module "$modules/mod_cgid.so"\nScriptSock "$dir/run/cgi"\n}
        . qq{<Directory "$dir/site/members">\nOptions +ExecCGI\nAddHandler cgi-script .cgi\n</Directory>\n};
    $conf .= qq{\nBetterAuthPagesDir "$dir/pages"\nBetterAuthRateLimitRule /sign-*/* 3 3\n};
    $conf .= "BetterAuthRateLimit off\nBetterAuthMailLimit 50 1h\n" if $ENV{BA_WALK};
    if ($> == 0) {
        $conf .= "User www-data\nGroup www-data\n";
        run('chown', '-R', 'www-data:www-data', $dir);
    }
    write_file("$dir/httpd.conf", $conf);

    defined($server = fork) or die "fork: $!\n";
    if (!$server) {
        open STDOUT, '>&', \*STDERR;
        exec $httpd, '-f', "$dir/httpd.conf", '-DFOREGROUND' or die "$httpd: $!\n";
    }
    for (1 .. 200) {
        return "http://localhost:$port" if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
        if (waitpid($server, WNOHANG) == $server) { undef $server; last }
        sleep 0.05;
    }
    print STDERR "# $_" for complaints("$dir/log/error.log");
    die "httpd does not start\n";
}

# A guarded form, and a program that shows what was sent; the demo has none.
sub form_page {
    my ($dir) = @_;
    write_file("$dir/note.html", <<'END');
<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Note</title>
<form method="post" action="note.cgi"><label>Note <textarea name="note"></textarea></label> <button>Send</button></form>
END
    write_file("$dir/note.cgi", <<'END');
#!/usr/bin/perl
read STDIN, my $note, $ENV{CONTENT_LENGTH} || 0;
$note =~ s/^note=//;
$note =~ tr/+\r/ /d;
$note =~ s/%0D//g;
$note =~ s/%([0-9A-F]{2})/chr hex $1/ge;
$note =~ s/([<&])/'&#' . ord($1) . ';'/ge;
print "Content-Type: text/html; charset=utf-8\n\n<!DOCTYPE html><title>Sent</title><pre>$note</pre><p>by $ENV{REMOTE_USER}, $ENV{REQUEST_METHOD}\n";
END
    chmod 0755, "$dir/note.cgi";
    $ENV{BA_FORM_PAGE} = '/members/note.html';
}

# An operator's own document, with forms that are none of our pages', and one that is; for habits.mjs.
sub form_document {
    my ($pages) = @_;
    write_file("$pages/check-mail.html", <<'END');
<!--#betterauth part="head" title="check-mail" -->
    <h1>Forms of others</h1>
    <form action="/members/note.cgi"><input name="note" aria-label="q" value="get"> <button>Search</button></form>
    <form method="post" action="/members/note.cgi"><input name="note" aria-label="n" value="post"> <button>Note</button></form>
    <form method="post" action="<!--#betterauth value="pages" -->/sign-in"><input name="method" aria-label="m"><input name="action" aria-label="a">
      <button>Ours</button> <button formmethod="get" formaction="/members/note.cgi">By its button</button></form>
<!--#betterauth part="foot" -->
END
}

sub stop {
    return unless $server;
    kill TERM => $server;
    waitpid $server, 0;
    undef $server;
}

# What the walk does is ordinary use: none of it belongs into the error log.
sub complaints {
    open my $in, '<', $_[0] or return;
    return grep { /:(?:emerg|alert|crit|error|warn)\]/ } <$in>;
}

sub write_file {
    my ($file, $text) = @_;
    open my $out, '>', $file or die "$file: $!\n";
    print {$out} $text;
    close $out or die "$file: $!\n";
}
